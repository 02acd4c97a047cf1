"""Standing warnings: what stands in the way of the regulator's work, for its officers to mend."""

import logging

from auth.login.approvers import count_active_approvers, render_approver_warning
from ledger.closed_lists import ClosedList
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from resolvers.context import Context

_logger = logging.getLogger(__name__)


class StandingWarning(ClosedList, graph_name="Warning"):
    """What stands in the way of the regulator's work."""

    NO_SECOND_APPROVER = (
        "NO_SECOND_APPROVER",
        "Fewer than two enabled officers can approve, so that an order waits for somebody who can't.",
    )


async def list_warnings(context: Context) -> list[StandingWarning]:
    """Return the warnings that stand; none for anyone but the regulator's officers."""
    if not context.viewer.is_regulator or context.viewer.officer_id is None:
        return []

    async def count(tx: Transaction) -> int:
        async with tx.role(Role.AUTH):
            return await count_active_approvers(tx, context.auth_settings)

    words = render_approver_warning(await context.read(count), context.auth_settings)
    return [StandingWarning.NO_SECOND_APPROVER] if words is not None else []


async def log_warnings(context: Context) -> list[StandingWarning]:
    """Return the warnings that stand, and write them to the log: something was just done that may have raised one."""
    found = await list_warnings(context)
    for warning in found:
        _logger.warning("standing_warning", extra={"warning": warning.value})
    return found
