"""How the installation stands: what waits for whom, what is late, what failed. The same counts for all who show them.

`jembatan status` and the metrics read them here; each noun counts its own. Counts alone: it names no number and no
person, so that nothing of it is recorded as an access.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.complaints.standing import count_waiting_complaints
from ledger.feed.backlog import measure_backlog
from ledger.identifiers import MemberId
from ledger.orders.standing import count_waiting_orders, count_waiting_proposals
from ledger.storage.database import Transaction
from ledger.storage.job_outcomes import JobOutcome, list_failing_jobs
from ledger.storage.recounts import count_differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What waits, what is late and what failed, at one time.

    drafts_awaiting_approval are all drafts of orders; drafts_held are those of them that need a written override.
    proposals_awaiting_approval are next versions and lifts of issued orders. orders_unconfirmed were issued by one
    officer alone. Orders are open while their carrier has to act, overdue once their due time has passed, and
    unanswered if it had not even confirmed receipt by then. Mappings name only members with a count above 0.
    feed_pending is counted up to 100,000; feed_lag_seconds is the age of the oldest event without a position, 0 if
    there is none. failed_jobs are those whose last run failed. tally_differences has, for each tally, how many of its
    counts were wrong when it was last recounted.
    """

    awaiting_verification: int
    verification_overdue: int
    needs_info: int
    verified_unforwarded: int
    drafts_awaiting_approval: int
    drafts_held: int
    proposals_awaiting_approval: int
    orders_unconfirmed: int
    orders_open_by_carrier: Mapping[MemberId, int]
    orders_overdue_by_carrier: Mapping[MemberId, int]
    orders_unanswered_by_carrier: Mapping[MemberId, int]
    feed_pending: int
    feed_lag_seconds: float
    failed_jobs: Sequence[JobOutcome]
    tally_differences: Mapping[str, int]

    @property
    def orders_open(self) -> int:
        """Return how many orders await any carrier."""
        return sum(self.orders_open_by_carrier.values())


async def measure_standing(tx: Transaction) -> Standing:
    """Measure everything in six statements.

    Runs in a transaction of the system under the REGULATOR role. Units: counts; seconds.
    """
    complaints = await count_waiting_complaints(tx)
    carriers = await count_waiting_orders(tx)
    proposals = await count_waiting_proposals(tx)
    failed = await list_failing_jobs(tx)
    backlog = await measure_backlog(tx)
    return Standing(
        awaiting_verification=complaints.awaiting_verification,
        verification_overdue=complaints.verification_overdue,
        needs_info=complaints.needs_info,
        verified_unforwarded=complaints.verified_unforwarded,
        drafts_awaiting_approval=sum(each.drafts for each in carriers.values()),
        drafts_held=sum(each.drafts_held for each in carriers.values()),
        proposals_awaiting_approval=proposals.proposals,
        orders_unconfirmed=proposals.unconfirmed,
        orders_open_by_carrier={member: each.open for member, each in carriers.items() if each.open},
        orders_overdue_by_carrier={member: each.overdue for member, each in carriers.items() if each.overdue},
        orders_unanswered_by_carrier={member: each.unanswered for member, each in carriers.items() if each.unanswered},
        feed_pending=backlog.pending,
        feed_lag_seconds=backlog.lag_seconds,
        failed_jobs=failed,
        tally_differences=await count_differences(tx),
    )
