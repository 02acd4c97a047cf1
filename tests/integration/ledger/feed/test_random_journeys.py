"""Whatever moves the parties make, and whichever are refused, the rows are what the log says and the counts come to."""

import pytest

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.complainants import reveal_complainant
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints, record_complainant_informed
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.expiry import expire_information_requests
from ledger.complaints.filing import file_complaints
from ledger.complaints.supplements import Supplement, supply_information, withdraw_complaints
from ledger.complaints.vocabulary import RejectionReason
from ledger.errors import LedgerError
from ledger.feed.legal_holds import LegalHoldDraft, place_legal_hold
from ledger.forwarding.proposals import discard_forwarding, forward_complaints
from ledger.forwarding.taking_back import TakeBack, take_back_complaints
from ledger.members.admission import disable_officer
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import acknowledge_block_orders
from ledger.orders.approval import OrderNote, approve_block_orders, return_block_orders
from ledger.orders.closing import close_block_orders, discard_block_orders, withdraw_block_orders
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.extensions import ExtensionDecision, decide_extensions
from ledger.orders.lifts import LiftDraft, draft_lifts
from ledger.orders.reading import load_orders
from ledger.orders.revisions import Revision, reissue_block_orders, revise_block_orders
from ledger.orders.vocabulary import AcknowledgementKind, ImpossibleReason, LiftBasis
from ledger.outages.recording import declare_outage
from ledger.participations.agreements import change_participation, end_participation
from ledger.participations.vocabulary import Disclosure, PartingReason
from ledger.signals.contributions import ContributionDraft, contribute_signals
from ledger.signals.filling import fill_keys
from ledger.signals.revocation import Revocation, expire_signals, revoke_signals
from ledger.signals.settling import settle_next_signals
from ledger.signals.vocabulary import SignalRevocationGround
from ledger.viewer import OPERATOR
from ledger.vocabulary import Category
from tests.support.audited import compare_now, count_rows, verify_now
from tests.support.random_walk import Walk
from tests.support.signal_journeys import take_part
from tests.support.tallies import find_miscounts

SEEDS = range(4)
STEPS = 90


@pytest.mark.parametrize("seed", SEEDS)
async def test_any_sequence_of_moves_leaves_rows_that_are_what_the_log_says(audited, parties, as_of, seed):
    walk = Walk(audited, parties, as_of, seed)
    await take_part(audited.database, parties, as_of)
    for _ in range(STEPS):
        await walk.step()
        assert await find_miscounts(audited.owner) == {}
    await audited.settle()
    assert (await verify_now(audited)).finding is None
    account = await compare_now(audited)
    assert account.finding is None, account.finding
    assert (account.erased, account.uncommitted, account.changed_since) == (0, 0, 0)
    assert account.compared == await count_rows(audited)
    kinds = await audited.owner.fetchval("SELECT count(DISTINCT (kind, state)) FROM events")
    assert kinds >= 15
    assert walk.made > STEPS // 3
