"""How many officers can approve now: measured by each process on the beat, and told in its log when it changes.

Officers are enabled and disabled, and get second factors, in any process and on the command line; so it is counted,
never kept up by whoever changes them.
"""

from collections.abc import Callable

import structlog

from auth.login.approvers import count_active_approvers, render_approver_warning
from auth.settings import AuthSettings
from gateway.process.jobs import Job
from ledger.storage.database import Transaction
from ledger.storage.roles import Role

_logger = structlog.get_logger(__name__)


class ApproverWatch:
    """Measures into a gauge. Owned by one process."""

    def __init__(self, settings: AuthSettings, *, report: Callable[[float], None]) -> None:
        """Measure nothing yet; report receives each count."""
        self._settings = settings
        self._report = report
        self._counted: int | None = None

    async def measure(self, tx: Transaction) -> int:
        """Count, report, and warn once while fewer than two can approve. Returns 0: a job that changes nothing."""
        count = await count_active_approvers(tx, self._settings)
        self._report(count)
        warning = render_approver_warning(count, self._settings)
        if warning is not None and count != self._counted:
            _logger.warning("no second approver", approvers=count, warning=warning)
        self._counted = count
        return 0

    @property
    def job(self) -> Job:
        """Return the job that measures on each beat."""
        return Job(name="count_approvers", role=Role.AUTH, work=self.measure, is_each_process=True)
