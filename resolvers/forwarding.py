"""How fields about forwarding runs get their values."""

from collections.abc import Sequence

from ledger.errors import Problem
from ledger.forwarding import proposals as forwarding
from ledger.forwarding import reading as forwarding_runs
from ledger.forwarding.candidates import ForwardingRequest
from ledger.forwarding.proposals import ForwardingApproval
from ledger.forwarding.states import ForwardingState
from ledger.forwarding.table import ForwardingItem, ForwardingRun
from ledger.orders.table import BlockOrder
from ledger.pages import Page, PageRequest
from resolvers.context import Context


async def get_run(context: Context, run_id: str) -> ForwardingRun:
    """One run. Errors: UnknownError."""
    return await context.read(lambda tx: forwarding_runs.get_forwarding_run(tx, run_id))


async def list_runs(
    context: Context, page: PageRequest, *, states: Sequence[ForwardingState] | None
) -> Page[ForwardingRun]:
    """A page of runs."""
    return await context.read(lambda tx: forwarding_runs.list_forwarding_runs(tx, page, states=states))


async def list_items(context: Context, run_id: str, page: PageRequest) -> Page[ForwardingItem]:
    """A page of a run's manifest."""
    return await context.read(lambda tx: forwarding_runs.list_forwarding_items(tx, run_id, page))


async def forward_complaints(context: Context, request: ForwardingRequest) -> ForwardingRun:
    """Make a run."""
    return await context.write(lambda tx: forwarding.forward_complaints(tx, request))


async def approve_forwarding(
    context: Context, approval: ForwardingApproval
) -> tuple[ForwardingRun, list[BlockOrder | Problem]]:
    """Issue a run's drafts."""
    return await context.write(lambda tx: forwarding.approve_forwarding(tx, approval))


async def discard_forwarding(context: Context, run_id: str) -> ForwardingRun:
    """Conclude a run without approving it."""
    return await context.write(lambda tx: forwarding.discard_forwarding(tx, run_id))
