"""How the reporting of recycled numbers gets its value."""

from collections.abc import Sequence

from ledger.errors import Problem
from ledger.reassignments import reporting as reassignments
from ledger.reassignments.reporting import Reassignment, ReassignmentDraft
from resolvers.context import Context


async def report_reassignments(context: Context, drafts: Sequence[ReassignmentDraft]) -> list[Reassignment | Problem]:
    """Begin new epochs of a carrier's numbers, item by item."""
    return await context.write(lambda tx: reassignments.report_reassignments(tx, drafts))
