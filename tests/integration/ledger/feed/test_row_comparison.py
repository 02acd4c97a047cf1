"""Comparing the rows with the log: whatever an insider changes, deletes or adds as the tables' owner is named."""

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.complaints.claims import claim_complaints
from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.complainants import reveal_complainant
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.evidence import load_evidence
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.filing import file_complaints
from ledger.complaints.notes import NoteDraft, note_complaints
from ledger.complaints.supplements import Supplement, supply_information
from ledger.extracts.releasing import ReleaseDraft, release_extract
from ledger.feed.archive import drop_entries
from ledger.feed.events import append_events
from ledger.feed.replay import Difference
from ledger.feed.retention import erase_old_entries
from ledger.feed.row_comparison import compare_rows
from ledger.feed.verification import Tampering
from ledger.feed.vocabulary import EventKind
from ledger.orders.moves import order_event
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind, BlockScope
from ledger.storage.commitments import committed_tables, render_content
from ledger.storage.database import Database
from ledger.storage.rekeying import rotate_keys
from ledger.storage.roles import Role
from ledger.storage.rows import load_records, update_records
from ledger.storage.sealing import Keyring
from ledger.vocabulary import Category
from migrations.metadata import metadata
from tests.support.audited import compare_now, count_rows, export_lines, find_finding, read_now, verify_now
from tests.support.evidence import make_extract, upload
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    complaint_draft,
    file_verified,
    forward,
    issue_orders,
)
from tests.support.outages import declare
from tests.support.signal_journeys import (
    confirm,
    contribute,
    put_in_place,
    read_signals,
    revoke,
    take_part,
    withdraw,
)

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
    await add_evidence(database, parties, as_of)
    orders = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
    await acknowledge(database, parties.telkomsel, as_of, orders[0])
    asking = {"reason": "TECHNICAL", "until": as_of + timedelta(hours=30)}
    await acknowledge(
        database, parties.indosat, as_of, orders[1], kind=AcknowledgementKind.EXTENSION_REQUESTED, **asking
    )
    await file_verified(database, parties, as_of, ["+6281200000077"])
    await forward(database, parties, as_of)
    await declare(database, as_of + timedelta(hours=3), as_of + timedelta(hours=1), as_of + timedelta(hours=2))
    made = await contribute(database, parties.indosat, as_of, TELKOMSEL_NUMBER, INDOSAT_NUMBER)
    await withdraw(database, parties.indosat, as_of, made[0].contribution.id)
    await put_in_place(database, parties.indosat, as_of, made[1].contribution.id, TELKOMSEL_NUMBER)
    sent = await read_signals(database, parties.provider, as_of)
    await revoke(database, parties, as_of, sent[0])
    await confirm(database, parties.provider, as_of, sent[0].id)
    await audited.settle()


async def add_evidence(database, parties, as_of):
    """An uploaded piece, an extract of it that a provider gets, a note, and an officer who works on the complaint."""
    uploaded = await upload(database, parties.agency, as_of, b"Send the code. " * 20_000)
    draft = complaint_draft("+6281200000010", evidence=(EvidenceDraft(upload_id=uploaded.id),))
    async with database.transaction(parties.agency, as_of=as_of) as tx:
        (filed,) = await file_complaints(tx, [draft])
        (piece,) = (await load_evidence(tx, [filed.complaint.id]))[filed.complaint.id]
    extract = await make_extract(database, parties.officer, as_of, piece.id, (0, 4))
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        said = ReleaseDraft(extract_id=extract.id, member_id=parties.provider.member_id, reason="It asks.")
        await release_extract(tx, said)
        await note_complaints(tx, [NoteDraft(complaint_id=filed.complaint.id, text="Called.")])
        await claim_complaints(tx, [filed.complaint.id])


@pytest.fixture
async def filled(audited, parties, as_of):
    await fill(audited, parties, as_of)
    return audited


@pytest.fixture
async def of_before(owner_connection):
    """The version before writes: its events commit to nothing. Ends with what this returns."""
    await owner_connection.execute("""
        UPDATE events SET content = NULL, content_salt = NULL;
        CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN NEW.content := NULL; NEW.content_salt := NULL; RETURN NEW; END $$;
        CREATE TRIGGER forget BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION forget()
    """)

    async def upgrade():
        await owner_connection.execute("DROP TRIGGER forget ON events")

    return upgrade


def order_of(row):
    return SimpleNamespace(**dict(row))


def find_difference(account):
    return account.finding and (account.finding.difference, account.finding.table)


class TestWhatTheLogCommitsTo:
    async def test_is_every_row_of_these_tables_after_any_journey(self, filled):
        account = await compare_now(filled)
        assert account.finding is None
        assert (account.changed_since, account.erased, account.uncommitted) == (0, 0, 0)
        assert account.compared == await count_rows(filled)
        assert [table.name for table, _ in committed_tables()] == sorted({*COMMITTED, *OF_NO_JOURNEY})
        for table in COMMITTED:
            assert await filled.owner.fetchval(f"SELECT count(*) FROM {table}") > 0, table
        assert (await verify_now(filled)).finding is None


COMMITTED = (
    "block_order_versions", "block_orders", "brands", "complainant_reveals", "complainants", "complaint_notes",
    "complaints", "evidence", "evidence_extracts", "extract_releases", "forwarding_items", "forwarding_runs",
    "fraud_signals", "members", "officers", "offices", "order_acknowledgements", "order_extensions",
    "outage_extensions", "outages", "participations", "signal_contributions", "signal_revocation_notices",
)  # fmt: skip
OF_NO_JOURNEY = (
    "feed_witnesses", "forwarding_offers", "legal_holds", "member_platforms", "order_proposals",
    "participation_proposals", "participation_terms", "participation_terms_texts",
    "referral_responses", "referral_transfers", "referrals",
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
    "a note": ("complaint_notes", "text_sealed = 'another'", "true"),
    "who claimed": ("complaints", "claimed_by = NULL", "claimed_by IS NOT NULL"),
    "an extract's cuts": ("evidence_extracts", "cuts = '{}'", "true"),
    "to whom it was released": (
        "extract_releases",
        "member_id = (SELECT id FROM members WHERE slug = 'telkomsel')",
        "true",
    ),
    "where the bytes of evidence are": (
        "evidence",
        "content_id = (SELECT content_id FROM evidence_extracts)",
        "content_id IS NOT NULL",
    ),
    "evidence's hash": ("evidence", "sha256 = encode(sha256('another'), 'hex')", "true"),
    "a reveal's officer": ("complainant_reveals", "revealed_at = now()", "true"),
    "a participation's disclosure": ("participations", "disclosure = 'CLEAR'", "true"),
    "a signal's risk": ("fraud_signals", "risk = 'VERY_HIGH'", "true"),
    "a contribution": ("signal_contributions", "category = 'OTHER'", "true"),
    "that it was withdrawn": (
        "signal_contributions",
        "state = 'STANDING', ended_at = NULL, withdrawal_reason = NULL",
        "state = 'WITHDRAWN'",
    ),
    "what it replaced": ("signal_contributions", "replaces_id = NULL, first_id = NULL", "replaces_id IS NOT NULL"),
    "that a revocation was confirmed": ("signal_revocation_notices", "confirmed_at = NULL", "true"),
    "a manifest": ("forwarding_items", "complaint_count = 9", "true"),
    "an officer's name": ("officers", "display_name = 'Another'", "display_name = 'Sari'"),
}


class TestInsider:
    @pytest.mark.parametrize("what", CHANGES)
    async def test_who_changes_it_is_found(self, filled, what):
        table, change, where = CHANGES[what]
        assert await filled.owner.execute(f"UPDATE {table} SET {change} WHERE {where}") != "UPDATE 0"
        account = await compare_now(filled)
        assert find_difference(account) == (Difference.CONTENT, table)
        assert 0 < account.finding.position <= await filled.head()

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE evidence_chunks SET content_sealed = set_byte(content_sealed, 99, 7) WHERE true",
            "DELETE FROM evidence_chunks WHERE begins_at_byte > 0",
        ],
    )
    async def test_who_changes_or_cuts_off_the_bytes_of_evidence_is_found(self, filled, change):
        await filled.owner.execute(f"{change} AND content_id IN (SELECT content_id FROM evidence)")
        account = await compare_now(filled)
        assert find_difference(account) == (Difference.CONTENT, "evidence")

    async def test_who_changes_a_state_is_told_with_both_states(self, filled):
        order_id = await filled.owner.fetchval(
            "UPDATE block_orders SET state = 'PARTIAL' WHERE state = 'EXECUTED' RETURNING id::text"
        )
        finding = (await compare_now(filled)).finding
        said = await filled.owner.fetchval(
            "SELECT f.position FROM feed f JOIN events e ON e.id = f.event_id "
            "WHERE e.kind = 'ORDER_ACKNOWLEDGED' AND e.subject_id = $1", order_id,
        )  # fmt: skip
        assert (finding.key, finding.position) == (order_id, said)
        assert (finding.logged_state, finding.stored_state) == ("EXECUTED", "PARTIAL")

    @pytest.mark.parametrize(
        ("table", "where"),
        [
            ("order_extensions", "true"),
            ("evidence", "content_id IS NULL"),
            ("complainant_reveals", "true"),
            ("signal_contributions", "true"),
            ("block_order_versions", "carrier_id = (SELECT id FROM members WHERE slug = 'indosat')"),
            ("forwarding_items", "true"),
        ],
    )
    async def test_who_deletes_a_row_is_found(self, filled, table, where):
        await filled.owner.execute(f"DELETE FROM {table} WHERE {where}")
        account = await compare_now(filled)
        assert find_difference(account) == (Difference.MISSING, table)
        assert account.finding.position > 0

    @pytest.mark.parametrize(
        ("table", "changed"),
        [
            ("order_acknowledgements", "id = gen_random_uuid(), reference = 'TT-2'"),
            ("block_order_versions", "version = 2"),
            ("evidence", "id = gen_random_uuid()"),
            ("fraud_signals", "id = gen_random_uuid(), category = 'OTHER'"),
            ("officers", "id = gen_random_uuid()"),
        ],
    )
    async def test_who_adds_a_row_is_found(self, filled, table, changed):
        await filled.owner.execute(f"CREATE TEMP TABLE another AS SELECT * FROM {table} LIMIT 1")
        await filled.owner.execute(f"UPDATE another SET {changed}")
        await filled.owner.execute(f"INSERT INTO {table} SELECT * FROM another")
        assert find_difference(await compare_now(filled)) == (Difference.UNRECORDED, table)

    async def test_who_wipes_the_salt_to_prevent_a_comparison_is_found(self, filled):
        await filled.owner.execute(
            "UPDATE events SET content_salt = NULL WHERE kind = 'ORDER_ACKNOWLEDGED'; "
            "UPDATE block_orders SET legal_basis = 'Another' WHERE state = 'EXECUTED'"
        )
        assert find_difference(await compare_now(filled)) == (Difference.SALT, "block_orders")

    async def test_who_changes_what_an_entry_commits_to_is_found_by_its_hash(self, filled):
        position = await filled.owner.fetchval(
            "UPDATE events SET content = '[]' WHERE kind = 'ORDER_ACKNOWLEDGED' "
            "RETURNING (SELECT position FROM feed WHERE event_id = events.id)"
        )
        assert find_finding(await verify_now(filled)) == (Tampering.RESERVED, position)

    async def test_who_puts_back_what_a_row_was_when_the_export_was_made_is_found(self, filled, parties, as_of):
        lines = await export_lines(filled)
        await filled.owner.execute("CREATE TEMP TABLE earlier AS SELECT * FROM block_orders WHERE state = 'ISSUED'")
        order = await filled.owner.fetchrow("SELECT id::text FROM earlier")
        await acknowledge(filled.database, parties.indosat, as_of, order_of(order), reference="TT-9")
        await filled.settle()
        account = await compare_now(filled, lines)
        assert (account.finding, account.changed_since) == (None, 3)
        await filled.owner.execute(
            "UPDATE block_orders o SET (state, executed_at, effective_at, last_acknowledgement) = "
            "(SELECT e.state, e.executed_at, e.effective_at, e.last_acknowledgement FROM earlier e) WHERE id = $1",
            order["id"],
        )
        assert find_difference(await compare_now(filled, lines)) == (Difference.CONTENT, "block_orders")

    async def test_who_adds_an_event_that_will_never_be_an_entry_excuses_nothing(self, filled):
        await filled.owner.execute("""
            UPDATE block_orders SET legal_basis = 'Another' WHERE state = 'EXECUTED';
            INSERT INTO events (kind, subject, subject_id, state, audience, payload, recorded_at, content, content_salt)
            SELECT 'ORDER_DRAFTED', 'BLOCK_ORDER', id::text, state, '{}', '{}', now(),
              jsonb_build_array(jsonb_build_array('block_orders', id, encode(sha256('forged'), 'hex'))), 'salt'
            FROM block_orders WHERE state = 'EXECUTED';
            DELETE FROM feed_pending
        """)
        assert find_difference(await compare_now(filled)) == (Difference.CONTENT, "block_orders")

    async def test_who_moves_an_order_by_a_forged_entry_that_no_move_allows_is_found(self, filled):
        order_id = await filled.owner.fetchval(
            "INSERT INTO events (kind, subject, subject_id, state, audience, payload, recorded_at) "
            "SELECT 'ORDER_RETURNED', 'BLOCK_ORDER', id::text, 'DRAFT', '{}', '{}', now() FROM block_orders "
            "WHERE state = 'EXECUTED' RETURNING subject_id"
        )
        size = await filled.settle()
        finding = (await compare_now(filled)).finding
        assert (finding.difference, finding.key, finding.position) == (Difference.MOVE, order_id, size)
        assert "from EXECUTED to DRAFT" in finding.detail


class TestGuessing:
    """Whoever holds an export, or reads the database as any party or job, can't test a guess of a row's content."""

    async def test_a_sealed_or_secret_field_needs_the_salt_that_no_export_has(self, filled):
        salts = [row["content_salt"] for row in await filled.owner.fetch("SELECT content_salt FROM events")]
        assert len(set(salts)) == len(salts)
        assert {len(salt) for salt in salts} == {32}
        export = b"".join(await export_lines(filled))
        assert all(base64.b64encode(salt) not in export and salt.hex().encode() not in export for salt in salts)
        await filled.owner.execute("SET TimeZone = 'UTC'")
        row = await filled.owner.fetchrow(
            f"SELECT {render_content(metadata.tables['complaints'])} AS content, e.content, e.content_salt, e.salt, "
            "e.reserved_salt FROM complaints JOIN events e ON e.subject_id = complaints.id::text "
            "WHERE decision_note = 'So it is.' AND e.kind = 'COMPLAINT_ESCALATED'"
        )
        committed = next(digest for name, _, digest in orjson.loads(row["content"]) if name == "complaints")
        assert hashlib.sha256(row["content_salt"] + row[0].encode()).hexdigest() == committed
        guessed = [
            hashlib.sha256(salt + row[0].encode()).hexdigest() for salt in (b"", row["salt"], row["reserved_salt"])
        ]
        assert committed not in guessed

    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.VERIFIER}))
    async def test_the_salt_is_read_by_the_verifier_alone(self, database, as_of, role):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.system(role, as_of=as_of) as tx:
                await tx.execute(text("SELECT content_salt FROM events"))

    async def test_the_verifier_writes_nothing(self, database, as_of):
        for table in metadata.sorted_tables:
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.system(Role.VERIFIER, as_of=as_of) as tx:
                    await tx.execute(text(f"DELETE FROM {table.name}"))


class TestNoFalseAlarm:
    async def test_after_every_value_was_sealed_under_another_key(self, filled, keyring):
        other = Keyring.from_text(Keyring.generate_text()[0], base64.b64encode(keyring.reference_key).decode())
        both = Keyring({**other.keys, **keyring.keys}, other.current_key_id, keyring.reference_key)
        database = Database(filled.database.engine, filled.database.settings, both)
        sealed = await rotate_keys(database, as_of=read_now(), tables=metadata.sorted_tables)
        assert sealed["complaints.chronology_sealed"] > 0
        again = Database(
            filled.database.engine,
            filled.database.settings,
            Keyring(other.keys, other.current_key_id, keyring.reference_key),
        )
        lines = await export_lines(filled)
        account = await compare_rows(iter(lines), again, tables=metadata.sorted_tables, now=read_now)
        assert account.finding is None
        stranger = Database(
            filled.database.engine, filled.database.settings, Keyring.from_text(*Keyring.generate_text())
        )
        account = await compare_rows(iter(lines), stranger, tables=metadata.sorted_tables, now=read_now)
        assert find_difference(account) == (Difference.CONTENT, "complainant_reveals")

    async def test_of_what_retention_erased_which_is_counted(self, filled):
        rows = (await compare_now(filled)).compared
        lines = await export_lines(filled)
        async with filled.database.system(Role.RETENTION, as_of=read_now()) as tx:
            assert (await erase_old_entries(tx, kept_days=1)).count > 0
        assert (
            await filled.owner.fetchval(
                "SELECT count(content_salt) + count(content) FROM events WHERE erased_at IS NOT NULL"
            )
            == 0
        )
        for exported in (lines, await export_lines(filled)):
            account = await compare_now(filled, exported)
            assert (account.finding, account.erased, account.compared) == (None, rows, 0)

    async def test_of_what_was_archived_which_is_counted(self, filled):
        rows = (await compare_now(filled)).compared
        size = await filled.head()
        await drop_entries(filled.database, until=size, sha256="0" * 64, now=read_now)
        await filled.settle()
        account = await compare_now(filled)
        assert (account.finding, account.erased, account.compared) == (None, rows, 0)

    async def test_of_rows_from_before_there_were_commitments_whose_states_still_count(
        self, of_before, filled, parties, as_of
    ):
        rows = await count_rows(filled)
        account = await compare_now(filled)
        assert (account.finding, account.uncommitted, account.compared) == (None, rows, 0)
        assert (await verify_now(filled)).finding is None
        await of_before()
        orders = await issue_orders(filled.database, parties, as_of, ["+6281200000055"])
        await filled.settle()
        account = await compare_now(filled)
        assert (account.finding, account.uncommitted) == (None, rows)
        assert account.compared == await count_rows(filled) - rows > 0
        await filled.owner.execute("UPDATE block_orders SET scope = 'DEACTIVATE' WHERE id = $1", orders[0].id)
        assert find_difference(await compare_now(filled)) == (Difference.CONTENT, "block_orders")
        await filled.owner.execute(f"UPDATE block_orders SET scope = '{orders[0].scope}' WHERE id = $1", orders[0].id)
        await filled.owner.execute("UPDATE block_orders SET state = 'PARTIAL' WHERE state = 'EXECUTED'")
        assert find_difference(await compare_now(filled)) == (Difference.STATE, "block_orders")

    async def test_of_a_part_of_the_log(self, filled):
        rows = await count_rows(filled)
        account = await compare_now(filled, await export_lines(filled, after=await filled.head() // 2))
        assert account.finding is None
        assert account.compared > 0
        assert account.compared + account.uncommitted == rows


class TestWriter:
    """Code that forgets the event of what it writes: the transaction is refused as a whole."""

    @pytest.mark.parametrize("forgets", ["the event", "what it wrote after it"])
    async def test_writes_nothing(self, database, parties, as_of, forgets):
        (order,) = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        revised = replace(order, scope=BlockScope.DEACTIVATE)

        async def write():
            async with database.transaction(parties.officer, as_of=as_of) as tx, tx.role(Role.TRANSITION):
                await update_records(tx, [(order, revised)])
                if forgets != "the event":
                    await append_events(tx, [order_event(revised, EventKind.ORDER_DRAFTED)])
                    await update_records(tx, [(revised, replace(revised, legal_basis="Another"))])

        with pytest.raises(RuntimeError, match=f"BLOCK_ORDER {order.id}"):
            await write()
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            found = await load_records(tx, BlockOrder, [order.id])
        assert (found[order.id].scope, found[order.id].legal_basis) == (order.scope, order.legal_basis)
