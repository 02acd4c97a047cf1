"""The referrals that stand on complaints whose verification is taken back: which of them lose their ground."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from ledger.complaints.table import complaints
from ledger.errors import StateConflictError
from ledger.identifiers import ComplaintId, ReferralId
from ledger.referrals.offers import BEHIND
from ledger.referrals.states import UNANSWERED, ReferralState
from ledger.referrals.table import Referral, referral_complaints
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.rows import lock_records


@dataclass(frozen=True, slots=True)
class StandingReferrals:
    """Referrals, locked, by the complaints that they stand on."""

    by_complaint: Mapping[ComplaintId, Sequence[Referral]] = field(default_factory=dict)

    def stand_on(self, complaint_id: ComplaintId) -> bool:
        """Whether an unanswered referral stands on the complaint."""
        return any(each.state in UNANSWERED for each in self.by_complaint.get(complaint_id, ()))

    def check_taken_back(self, complaint_id: ComplaintId) -> None:
        """Errors: StateConflictError if a provider has acted on a referral that stands on the complaint."""
        if any(each.state is ReferralState.ACTIONED for each in self.by_complaint.get(complaint_id, ())):
            raise StateConflictError("A provider has acted on a referral about this complaint.", field="complaintId")

    async def find_groundless(self, tx: Transaction, taken: Collection[ComplaintId]) -> list[Referral]:
        """The unanswered referrals that no verified complaint stands behind, once these have been taken back."""
        touched = {
            each.id: each
            for complaint_id in taken
            for each in self.by_complaint.get(complaint_id, ())
            if each.state in UNANSWERED
        }
        if not touched:
            return []
        link, c = referral_complaints.c, complaints.c
        statement = (
            select(link.referral_id)
            .join(complaints, c.id == link.complaint_id)
            .where(is_any(link.referral_id, sorted(touched)), c.state.in_([state.value for state in sorted(BEHIND)]))
        )
        grounded = set((await tx.execute(statement)).scalars())
        return [each for referral_id, each in sorted(touched.items()) if referral_id not in grounded]


async def find_standing_referrals(tx: Transaction, complaint_ids: Sequence[str]) -> StandingReferrals:
    """Lock the referrals of complaints. Runs under the transition role, before the complaints are locked."""
    link = referral_complaints.c
    statement = select(link.referral_id, link.complaint_id).where(is_any(link.complaint_id, complaint_ids))
    links = (await tx.execute(statement)).all()
    if not links:
        return StandingReferrals()
    locked = await lock_records(tx, Referral, sorted({ReferralId(row.referral_id) for row in links}))
    found: dict[ComplaintId, list[Referral]] = defaultdict(list)
    for row in links:
        found[row.complaint_id].append(locked[row.referral_id])
    return StandingReferrals(found)
