"""Every table, as every kind of viewer, by plain SQL: the database itself refuses what the application should.

Which rows those are is said in tests/support/readable_rows.py; every other table must be closed to the role altogether.
"""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from auth.tables import AUTH_TABLES
from ledger.feed.batches import sequence_batch
from ledger.feed.direct import DirectSession
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.participations.vocabulary import Disclosure
from ledger.storage.access import declared_access, selected_columns
from ledger.storage.roles import ROLE_OF_VIEWER, Role
from ledger.storage.sums import list_sums
from ledger.viewer import ViewerKind
from ledger.vocabulary import Category, Platform
from migrations.metadata import metadata
from tests.support.account_journeys import file_accused, run_platforms
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    file_verified,
    forward,
    issue_orders,
    override_number,
    propose_override,
    report_reassigned,
)
from tests.support.outages import declare
from tests.support.readable_rows import INSERTABLE, OF_A_BRAND, OF_THE_FEED, OF_THE_TERMS, OWN
from tests.support.referral_journeys import join_referrals, offer, refer, respond
from tests.support.signal_journeys import admit_provider, contribute, read_signals, revoke, take_part
from tests.support.signing_journeys import appoint, publish
from tests.support.signing_journeys import offer as offer_terms

VIEWERS = ("regulator", "agency", "other_agency", "telkomsel", "indosat", "provider")
TABLES = sorted(metadata.tables)
AUTHS = {table.name for table in AUTH_TABLES}


def readable_columns(table, role):
    for ruled, rule in declared_access(metadata):
        if ruled.name == table and rule.role is role and rule.select is not None:
            return ", ".join(selected_columns(ruled, rule)) or "*"
    return None


FEED_ROWS = (
    "INSERT INTO feed_nodes VALUES (8, 0, sha256('a node'))",
    "INSERT INTO feed_checkpoints VALUES (1, sha256('a root'), 'a note', now())",
    "INSERT INTO feed_keys VALUES ('a-key', 'a verifier', 'sealed', now(), NULL)",
    "INSERT INTO legal_holds SELECT gen_random_uuid(), NULL, NULL, 'A court asks', id, now() FROM officers LIMIT 1",
)


async def sequence_all(database, owner):
    direct = database.settings
    session = await DirectSession.open(direct, Role.SEQUENCER, application_name="test")
    while (await sequence_batch(session, epoch=0, batch_max=1_000)).count:
        continue
    await session.close()
    for statement in FEED_ROWS:
        await owner.execute(statement)


@pytest.fixture
async def busy(database, parties, as_of, owner_connection):
    """Two carriers with an issued order each, one acknowledged, one asking for time, a draft of each, and the feed."""
    orders = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
    await acknowledge(database, parties.telkomsel, as_of, orders[0])
    await acknowledge(
        database, parties.indosat, as_of, orders[1], kind=AcknowledgementKind.EXTENSION_REQUESTED,
        reason="TECHNICAL", until=orders[1].due_at.replace(minute=59),
    )  # fmt: skip
    await file_verified(database, parties, as_of, ["+6281200000077", "+6285600000077", "+12025550123"])
    await forward(database, parties, as_of)
    await take_part(database, parties, as_of, categories=(Category.FRAUD,), disclosure=Disclosure.CLEAR)
    for member in (parties.agency, parties.telkomsel, parties.indosat, parties.provider):
        await appoint(database, as_of, member)
    await publish(database, parties, as_of)
    other = await admit_provider(database, parties, as_of)
    for provider in (parties.provider, other):
        await offer_terms(database, parties, as_of, provider=provider)
    [referral] = await refer(database, parties, as_of, "+6281200000078")
    await respond(database, parties.provider, as_of, referral)
    await join_referrals(database, parties, as_of, other)
    await offer(database, parties, as_of, "+6281200000078", other)
    await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
    await override_number(database, parties, as_of, "+6281200000088", parties.indosat.member_id)
    await propose_override(database, parties, as_of, INDOSAT_NUMBER, parties.telkomsel.member_id)
    for viewer in (parties.agency, parties.indosat, parties.provider):
        await contribute(database, viewer, as_of, TELKOMSEL_NUMBER)
    await revoke(database, parties, as_of, *(await read_signals(database, parties.provider, as_of))[:2])
    await declare(database, as_of + timedelta(hours=3), as_of + timedelta(hours=1), as_of + timedelta(hours=2))
    for viewer, handle in ((parties.agency, "budi_s"), (parties.agency, "ani_s"), (parties.other_agency, "budi_s")):
        await file_accused(database, viewer, as_of, ("Telegram", handle))
    await run_platforms(database, parties, as_of, Platform.TELEGRAM)
    await sequence_all(database, owner_connection)
    return orders


class TestReading:
    async def test_shows_every_viewer_its_own_rows_and_closes_every_other_table(
        self, database, parties, as_of, busy, owner_connection
    ):
        for name, table in itertools.product(VIEWERS, TABLES):
            viewer = parties.everyone[name]
            role = ROLE_OF_VIEWER[viewer.kind]
            own = OWN[role].get(table)
            columns = readable_columns(table, role)
            if own is None:
                assert columns is None, f"{name} may read {table}"
                with pytest.raises(DBAPIError, match="permission denied"):
                    async with database.reading(viewer, as_of=as_of) as tx:
                        await tx.execute(text(f"SELECT 1 FROM {table}"))
                continue
            condition = own.format(me=f"'{viewer.member_id}'::uuid")
            wanted = await owner_connection.fetchval(f"SELECT count(*) FROM {table} WHERE {condition}")
            async with database.reading(viewer, as_of=as_of) as tx:
                seen = len((await tx.execute(text(f"SELECT {columns} FROM {table}"))).all())
            assert seen == wanted, f"{name} sees {seen} of {wanted} rows of {table}"

    async def test_hides_the_columns_that_are_the_regulators(self, database, parties, as_of, busy):
        for column in (
            "drafted_by", "approved_by", "hold_reasons", "override_note", "office_id", "drafted_complainant_count",
            "emergency_note", "confirmation_due_at", "ended_by", "lift_drafted_by", "lift_confirmed_by",
        ):  # fmt: skip
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.reading(parties.telkomsel, as_of=as_of) as tx:
                    await tx.execute(text(f"SELECT {column} FROM block_orders"))
        for viewer, column in (
            (parties.telkomsel, "complaint_count"),
            (parties.agency, "verified_complaint_count"),
            (parties.agency, "holder_id"),
        ):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.reading(viewer, as_of=as_of) as tx:
                    await tx.execute(text(f"SELECT {column} FROM phone_numbers"))

    async def test_hides_of_a_referral_who_offered_it_and_how_it_is_judged(self, database, parties, as_of, busy):
        for table, column in (
            ("referrals", "epoch"), ("referrals", "office_id"), ("referrals", "offered_by"),
            ("referrals", "withdrawal_note"), ("referrals", "withdrawn_by"), ("referral_responses", "client_id"),
        ):  # fmt: skip
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.reading(parties.provider, as_of=as_of) as tx:
                    await tx.execute(text(f"SELECT {column} FROM {table}"))
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.reading(parties.telkomsel, as_of=as_of) as tx:
                await tx.execute(text("SELECT account_standing FROM phone_numbers"))

    async def test_a_brands_client_sees_its_brands_rows_alone_in_every_table(
        self, database, parties, as_of, owner_connection
    ):
        numbers = {"xl": "+6281700000001", "axis": "+6283100000001"}
        orders = await issue_orders(database, parties, as_of, list(numbers.values()))
        until = {"kind": AcknowledgementKind.EXTENSION_REQUESTED, "reason": "TECHNICAL"}
        for order in orders:
            await acknowledge(
                database, parties.xlsmart, as_of, order, until=order.due_at.replace(minute=59), reference="1", **until
            )
        await declare(database, as_of + timedelta(hours=3), as_of + timedelta(hours=1), as_of + timedelta(hours=2))
        for order in orders:
            await acknowledge(database, parties.xlsmart, as_of, order, reference="2")
        await report_reassigned(database, parties.xlsmart, as_of, *numbers.values())
        for place, brand in enumerate(numbers):
            await override_number(
                database, parties, as_of, f"+628120000008{place}", parties.xlsmart.member_id,
                brand_id=parties.brands[brand],
            )  # fmt: skip
        await sequence_all(database, owner_connection)
        for brand, table in itertools.product(numbers, OWN[Role.CARRIER]):
            narrowed = replace(parties.xlsmart, brand_id=parties.brands[brand])
            ids = {"me": f"'{narrowed.member_id}'::uuid", "brand": f"'{narrowed.brand_id}'::uuid"}
            condition = OF_A_BRAND.get(table, OWN[Role.CARRIER][table]).format(**ids)
            wanted = await owner_connection.fetchval(f"SELECT count(*) FROM {table} WHERE {condition}")
            of_carrier = OWN[Role.CARRIER][table].format(**ids)
            carriers = await owner_connection.fetchval(f"SELECT count(*) FROM {table} WHERE {of_carrier}")
            columns = readable_columns(table, Role.CARRIER)
            async with database.reading(narrowed, as_of=as_of) as tx:
                seen = len((await tx.execute(text(f"SELECT {columns} FROM {table}"))).all())
            assert seen == wanted, f"{brand} sees {seen} of {wanted} rows of {table}"
            assert table not in OF_A_BRAND or 0 < seen < carriers, f"{table} has no row of another brand, or none of it"

    async def test_a_brands_client_says_nothing_of_another_brands_order(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, ["+6281700000001"])
        axis = replace(parties.xlsmart, brand_id=parties.brands["axis"])
        forged = text(
            "INSERT INTO order_acknowledgements (id, order_id, carrier_id, version, kind, reference, effective_at, "
            "recorded_at, moved_state) VALUES (gen_random_uuid(), CAST(:order_id AS uuid), CAST(:carrier_id AS uuid), "
            "1, 'EXECUTED', 'forged', now(), now(), true)"
        )
        with pytest.raises(DBAPIError, match="row-level security"):
            async with database.transaction(axis, as_of=as_of) as tx:
                await tx.execute(forged, {"order_id": order.id, "carrier_id": axis.member_id})

    async def test_a_brands_client_sees_its_brands_orders_alone(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, ["+6281700000001", "+6283100000001"])
        for brand, e164 in (("xl", "+6281700000001"), ("axis", "+6283100000001")):
            narrowed = replace(parties.xlsmart, brand_id=parties.brands[brand])
            async with database.reading(narrowed, as_of=as_of) as tx:
                assert (await tx.execute(text("SELECT e164 FROM block_orders"))).scalars().all() == [e164]

    async def test_tells_no_member_who_acted_or_who_else_got_an_event(self, database, parties, as_of, busy):
        reserved = (
            "actor_member_id", "actor_officer_id", "actor_client_id", "audience", "brand_id", "reserved_salt",
            "content", "content_salt",
        )  # fmt: skip
        for viewer, column in itertools.product((parties.agency, parties.telkomsel, parties.provider), reserved):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.reading(viewer, as_of=as_of) as tx:
                    await tx.execute(text(f"SELECT {column} FROM events"))
        for viewer in (parties.agency, parties.regulator):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.reading(viewer, as_of=as_of) as tx:
                    await tx.execute(text("SELECT private_sealed FROM feed_keys"))

    async def test_tells_a_provider_no_officer_of_the_regulators(self, database, parties, as_of, busy):
        for table, column in (
            ("participations", "recorded_by"),
            ("participation_terms", "published_by"),
            ("participation_proposals", "offered_by"),
            ("participation_proposals", "countersigned_by"),
        ):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.reading(parties.provider, as_of=as_of) as tx:
                    await tx.execute(text(f"SELECT {column} FROM {table}"))

    async def test_a_brands_client_sees_its_brands_events_alone(self, database, parties, as_of, owner_connection):
        await issue_orders(database, parties, as_of, ["+6281700000001", "+6283100000001"])
        await sequence_all(database, owner_connection)
        for brand in ("xl", "axis"):
            narrowed = replace(parties.xlsmart, brand_id=parties.brands[brand])
            wanted = await owner_connection.fetch(
                "SELECT f.position, e.id FROM events e JOIN feed f ON f.event_id = e.id "
                "WHERE e.audience @> ARRAY[$1::uuid] AND e.brand_id = $2 ORDER BY 1",
                parties.xlsmart.member_id, narrowed.brand_id,
            )  # fmt: skip
            assert wanted
            async with database.reading(narrowed, as_of=as_of) as tx:
                events = (await tx.execute(text("SELECT id FROM events"))).scalars().all()
                addressed = (await tx.execute(text("SELECT position FROM feed_recipients ORDER BY 1"))).scalars().all()
            assert sorted(events) == sorted(row["id"] for row in wanted)
            assert addressed == [row["position"] for row in wanted]

    async def test_an_unknown_member_sees_nothing(self, database, parties, as_of, busy):
        for viewer in (parties.telkomsel, parties.agency, parties.provider):
            stranger = replace(viewer, member_id="01900000-0000-7000-8000-000000000000")
            published = OF_THE_TERMS.keys() | OF_THE_FEED.keys() - {"feed_recipients"}
            for table in OWN[ROLE_OF_VIEWER[viewer.kind]].keys() - published:
                columns = readable_columns(table, ROLE_OF_VIEWER[viewer.kind])
                where = "WHERE kind <> 'REGULATOR'" if table == "members" else ""
                async with database.reading(stranger, as_of=as_of) as tx:
                    assert (await tx.execute(text(f"SELECT {columns} FROM {table} {where}"))).all() == [], table


class TestWriting:
    @pytest.mark.parametrize("name", VIEWERS)
    async def test_changes_and_deletes_nothing_anywhere(self, database, parties, as_of, busy, name):
        viewer = parties.everyone[name]
        for table in TABLES:
            column = next(column.name for column in metadata.tables[table].columns if column.identity is None)
            for act in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(DBAPIError, match="permission denied"):
                    async with database.transaction(viewer, as_of=as_of) as tx:
                        await tx.execute(text(act))

    @pytest.mark.parametrize("name", VIEWERS)
    async def test_inserts_only_what_it_says_itself(self, database, parties, as_of, busy, name):
        viewer = parties.everyone[name]
        role = ROLE_OF_VIEWER[viewer.kind]
        for table in TABLES:
            if table in INSERTABLE[role]:
                continue
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await tx.execute(text(f"INSERT INTO {table} DEFAULT VALUES"))

    async def test_only_a_transition_may_add_events(self, database, as_of):
        for role in Role:
            insertable = {table.name for table, rule in declared_access(metadata) if rule.role is role and rule.insert}
            assert (insertable >= {"events", "feed_pending"}) is (role is Role.TRANSITION)
            if role is Role.TRANSITION:
                continue
            for act in ("INSERT INTO events DEFAULT VALUES", "INSERT INTO feed_pending VALUES (1)"):
                with pytest.raises(DBAPIError, match="permission denied"):
                    async with database.system(role, as_of=as_of) as tx:
                        await tx.execute(text(act))

    async def test_nobody_changes_what_the_feed_has_come_to(self, database, as_of, busy):
        for role, table in itertools.product(Role, ("feed", "feed_nodes", "feed_checkpoints")):
            column = next(column.name for column in metadata.tables[table].columns)
            for act in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(DBAPIError, match="permission denied"):
                    async with database.system(role, as_of=as_of) as tx:
                        await tx.execute(text(act))

    async def test_retention_and_archive_leave_what_is_held_alone(self, database, as_of, busy, owner_connection):
        acts = {Role.RETENTION: "UPDATE events SET payload = '{}'", Role.ARCHIVE: "DELETE FROM events"}
        held = await owner_connection.fetchval("SELECT count(*) FROM events")
        before = await owner_connection.fetch("SELECT * FROM events ORDER BY id")
        for role, act in acts.items():
            async with database.system(role, as_of=as_of) as tx:
                assert (await tx.execute(text(act))).rowcount == 0
        assert await owner_connection.fetch("SELECT * FROM events ORDER BY id") == before
        await owner_connection.execute("UPDATE legal_holds SET subject = 'COMPLAINT', subject_id = 'another'")
        for role, act in acts.items():
            async with database.system(role, as_of=as_of) as tx:
                assert (await tx.execute(text(act))).rowcount == held

    async def test_a_carrier_can_not_speak_for_another(self, database, parties, as_of, busy):
        telkomsels, _ = busy
        forged = text(
            "INSERT INTO order_acknowledgements (id, order_id, carrier_id, version, kind, reference, effective_at, "
            "recorded_at, moved_state) VALUES (gen_random_uuid(), CAST(:order_id AS uuid), CAST(:carrier_id AS uuid), "
            "1, 'EXECUTED', 'forged', now(), now(), true)"
        )
        with pytest.raises(DBAPIError, match="row-level security"):
            async with database.transaction(parties.indosat, as_of=as_of) as tx:
                await tx.execute(forged, {"order_id": telkomsels.id, "carrier_id": parties.telkomsel.member_id})

    async def test_an_agency_can_not_file_for_another(self, database, parties, as_of):
        forged = text(
            "INSERT INTO complaints "
            "(id, source_id, content_hash, account_platform, medium, category, remedy, filed_at) "
            "VALUES (gen_random_uuid(), CAST(:source_id AS uuid), 'x', 'X', 'SMS', 'FRAUD', 'BOTH', now())"
        )
        with pytest.raises(DBAPIError, match="row-level security"):
            async with database.transaction(parties.agency, as_of=as_of) as tx:
                await tx.execute(forged, {"source_id": parties.other_agency.member_id})


class TestDeclaration:
    def test_names_every_table_of_the_ledger(self):
        assert {table.name for table, _ in declared_access(metadata)} == set(TABLES)

    def test_lets_nothing_be_deleted_but_key_checks_the_queue_old_and_summed_rows_archives_and_expired_uploads(
        self,
    ):
        assert {
            (table.name, rule.role)
            for table, rule in declared_access(metadata)
            if rule.delete and table.name not in AUTHS
        } == {
            *((table.name, Role.JOBS) for table in list_sums()),
            ("keyring_checks", Role.JOBS),
            ("feed_pending", Role.SEQUENCER),
            ("events", Role.ARCHIVE),
            ("feed_recipients", Role.ARCHIVE),
            ("feed_cosignatures", Role.RETENTION),
            ("access_records", Role.RETENTION),
            ("evidence_contents", Role.RETENTION),
            ("evidence_chunks", Role.RETENTION),
        }

    def test_gives_every_kind_of_viewer_a_role_of_its_own(self):
        assert len({ROLE_OF_VIEWER[kind] for kind in ViewerKind}) == len(ViewerKind)

    async def test_is_what_the_database_holds(self, owner_connection):
        granted = await owner_connection.fetch(
            "SELECT DISTINCT table_name, grantee, privilege_type FROM information_schema.table_privileges "
            "WHERE grantee LIKE 'jembatan\\_%' AND grantee <> 'jembatan_owner' AND table_name <> 'alembic_version'"
        )
        declared = {
            (table.name, f"jembatan_{rule.role}", verb)
            for table, rule in declared_access(metadata)
            for verb, given in (
                ("SELECT", rule.select is not None and not selected_columns(table, rule)),
                ("UPDATE", rule.update is not None and not rule.update),
                ("INSERT", rule.insert),
                ("DELETE", rule.delete),
            )
            if given
        }
        assert {tuple(row) for row in granted} == declared

    async def test_protects_every_table(self, owner_connection):
        unprotected = await owner_connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
            "AND NOT relrowsecurity AND relname <> 'alembic_version'"
        )
        assert unprotected == []

    async def test_the_logins_are_no_superusers_and_inherit_nothing(self, owner_connection):
        rows = await owner_connection.fetch(
            "SELECT rolname, rolsuper, rolbypassrls, rolinherit FROM pg_roles "
            "WHERE rolname LIKE 'jembatan\\_%' AND rolname <> 'jembatan_owner'"
        )
        assert len(rows) == len(Role) + 1
        assert [row["rolname"] for row in rows if row["rolsuper"] or row["rolbypassrls"] or row["rolinherit"]] == []
