"""Comparing the rows with the log: whatever an insider changes, deletes or adds as the tables' owner is named."""

from datetime import timedelta

import pytest

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.complainants import reveal_complainant
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.filing import file_complaints
from ledger.complaints.supplements import Supplement, supply_information
from ledger.feed.replay import Difference
from ledger.feed.verification import Tampering
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.vocabulary import Category
from tests.support.audited import compare_now, export_lines, verify_now
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    complaint_draft,
    file_verified,
    forward,
    issue_orders,
)
from tests.support.signal_journeys import contribute, take_part

PERSON = ComplainantDraft(name="Anisimova", identity_number="3171010101010001")
SCREENSHOT = EvidenceDraft(media_type="text/plain", content=b"Send the code.")


async def fill(audited, parties, as_of):
    """Rows of every kind: two orders, one executed and one for which time was asked, a run, complaints, a signal."""
    database = audited.database
    await take_part(database, parties, as_of, categories=(Category.FRAUD,))
    draft = complaint_draft("+6281200000009", complainant=PERSON, chronology="He called.", evidence=(SCREENSHOT,))
    async with database.transaction(parties.agency, as_of=as_of) as tx:
        (asked,) = await file_complaints(tx, [draft])
    complaint_id = asked.complaint.id
    for decision in (Decision.ASK_INFO, None, Decision.VERIFY):
        async with database.transaction(parties.officer if decision else parties.agency, as_of=as_of) as tx:
            if decision is None:
                await supply_information(tx, [Supplement(complaint_id=complaint_id, chronology="Twice.")])
            else:
                said = ComplaintDecision(complaint_id=complaint_id, decision=decision, note="So it is.")
                await decide_complaints(tx, [said])
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        await reveal_complainant(tx, complaint_id, purpose="To call back.")
    orders = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
    await acknowledge(database, parties.telkomsel, as_of, orders[0])
    asking = {"reason": "TECHNICAL", "until": as_of + timedelta(hours=30)}
    await acknowledge(
        database, parties.indosat, as_of, orders[1], kind=AcknowledgementKind.EXTENSION_REQUESTED, **asking
    )
    await file_verified(database, parties, as_of, ["+6281200000077"])
    await forward(database, parties, as_of)
    await contribute(database, parties.indosat, as_of, TELKOMSEL_NUMBER)
    await audited.settle()


@pytest.fixture
async def filled(audited, parties, as_of):
    await fill(audited, parties, as_of)
    return audited


def find_difference(account):
    return account.finding and (account.finding.difference, account.finding.table)


class TestWhatTheLogCommitsTo:
    async def test_is_every_row_of_these_tables_after_any_journey(self, filled):
        account = await compare_now(filled)
        assert account.finding is None
        assert (account.changed_since, account.erased, account.uncommitted) == (0, 0, 0)
        rows = 0
        for table in COMMITTED:
            count = await filled.owner.fetchval(f"SELECT count(*) FROM {table}")
            assert count > 0, table
            rows += count
        assert account.compared == rows
        assert (await verify_now(filled)).finding is None


COMMITTED = (
    "block_order_versions", "block_orders", "brands", "complainant_reveals", "complainants", "complaints", "evidence",
    "forwarding_items", "forwarding_runs", "fraud_signals", "members", "officers", "offices", "order_acknowledgements",
    "order_extensions", "participations", "signal_contributions",
)  # fmt: skip
CHANGES = {
    "an issued order's scope": ("block_orders", "scope = 'DEACTIVATE'", "state = 'EXECUTED'"),
    "its legal basis": ("block_orders", "legal_basis = 'Another'", "state = 'EXECUTED'"),
    "its state": ("block_orders", "state = 'PARTIAL'", "state = 'EXECUTED'"),
    "its due time": ("block_orders", "due_at = due_at + interval '1 us'", "state = 'EXECUTED'"),
    "who approved it": ("block_orders", "approved_by = NULL, issued_at = NULL, state = 'DRAFT'", "state = 'EXECUTED'"),
    "its count": ("block_orders", "complaint_count = 9", "state = 'EXECUTED'"),
    "a version's text": ("block_order_versions", "summary = 'Another'", "true"),
    "an acknowledgement's kind": ("order_acknowledgements", "kind = 'PARTIAL'", "kind = 'EXECUTED'"),
    "its time": ("order_acknowledgements", "effective_at = effective_at - interval '1 h'", "kind = 'EXECUTED'"),
    "an extension": ("order_extensions", "until = until + interval '1 d'", "true"),
    "a decision's note": ("complaints", "decision_note = 'Another'", "decision_note IS NOT NULL"),
    "who decided": ("complaints", "decided_by = NULL", "decided_by IS NOT NULL"),
    "a complaint's state": ("complaints", "state = 'SUBMITTED'", "state = 'VERIFIED' OR state = 'ESCALATED'"),
    "a chronology": ("complaints", "chronology_sealed = NULL", "chronology_sealed IS NOT NULL"),
    "a complainant": ("complainants", "identity_sealed = 'another'", "true"),
    "evidence": ("evidence", "content_sealed = 'another'", "true"),
    "evidence's hash": ("evidence", "sha256 = encode(sha256('another'), 'hex')", "true"),
    "a reveal's officer": ("complainant_reveals", "revealed_at = now()", "true"),
    "a participation's disclosure": ("participations", "disclosure = 'CLEAR'", "true"),
    "a signal's risk": ("fraud_signals", "risk = 'VERY_HIGH'", "true"),
    "a contribution": ("signal_contributions", "category = 'OTHER'", "true"),
    "a manifest": ("forwarding_items", "complaint_count = 9", "true"),
    "an officer's name": ("officers", "display_name = 'Another'", "display_name = 'Sari'"),
}


class TestInsider:
    @pytest.mark.parametrize("what", CHANGES)
    async def test_who_changes_it_is_found(self, filled, what):
        table, change, where = CHANGES[what]
        done = await filled.owner.execute(f"UPDATE {table} SET {change} WHERE {where}")
        assert done != "UPDATE 0"
        account = await compare_now(filled)
        assert find_difference(account) == (Difference.CONTENT, table)
        assert account.finding.position <= await filled.owner.fetchval("SELECT size FROM feed_head")
        assert await filled.owner.fetchval(f"SELECT count(*) FROM {table} WHERE {where}") is not None
