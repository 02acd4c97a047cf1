"""A referral can't become a duty: no table has where a due time, a lateness, a sanction or an order could be put.

Each test tries one way in SQL, as the owner of the tables reads their declarations in the catalogue, or as a role.
"""

import itertools
import re

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from ledger.feed.events import PAYLOAD_KEYS
from ledger.feed.vocabulary import EventKind
from ledger.referrals import vocabulary
from ledger.referrals.states import ReferralState
from ledger.storage.roles import Role
from tests.support.journeys import TELKOMSEL_NUMBER, issue_orders
from tests.support.referral_journeys import join_referrals, refer

TABLES = ("referrals", "referral_complaints", "referral_responses", "referral_transfers")
DUTY = re.compile(
    r"(^|_)(due|overdue|late|lateness|deadline|sanction|sanctioned|fine|penalty|warned_at|breach|obligation|mandatory|"
    r"order|rank|score|rating)(_|$)"
)


async def list_columns(owner):
    rows = await owner.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    )
    return [(row["table_name"], row["column_name"]) for row in rows]


class TestColumns:
    async def test_of_referrals_have_no_word_of_duty(self, database, owner_connection):
        columns = [(table, name) for table, name in await list_columns(owner_connection) if table in TABLES]
        assert {table for table, _ in columns} == set(TABLES)
        assert not [each for each in columns if DUTY.search(each[1])]

    async def test_the_only_day_that_lies_ahead_is_the_courtesy_date(self, database, owner_connection):
        days = [name for table, name in await list_columns(owner_connection) if table == "referrals"]
        assert {name for name in days if name.endswith(("_on", "_by", "_until"))} == {
            "incident_on", "reply_hoped_by", "offered_by", "withdrawn_by",
        }  # fmt: skip

    async def test_of_orders_refer_to_no_referral_and_of_referrals_to_no_order(self, database, owner_connection):
        rows = await owner_connection.fetch(
            "SELECT conrelid::regclass::text AS referring, confrelid::regclass::text AS referred FROM pg_constraint "
            "WHERE contype = 'f'"
        )
        between = {(row["referring"], row["referred"]) for row in rows}
        ordered = {table for table, _ in await list_columns(owner_connection) if "order" in table}
        assert ordered >= {"block_orders", "order_complaints", "order_acknowledgements"}
        for referral, order in itertools.product(TABLES, ordered):
            assert (referral, order) not in between
            assert (order, referral) not in between
        assert not [
            each for each in await list_columns(owner_connection) if each[0] in ordered and "referral" in each[1]
        ]

    async def test_no_trigger_or_function_carries_one_into_the_other(self, database, owner_connection):
        bodies = await owner_connection.fetch(
            "SELECT proname, prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE nspname = 'public'"
        )
        assert not [row["proname"] for row in bodies if "referral" in row["prosrc"]]
        triggers = await owner_connection.fetch(
            "SELECT DISTINCT proname, prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY($1::text[])",
            list(TABLES),
        )
        # They tell that something was changed, for ETags, and write nothing else.
        assert {row["proname"] for row in triggers} <= {"mark_changes", "mark_changes_by_provider_id"}
        for row in triggers:
            written = re.findall(r"(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO) ([\w.]+)", row["prosrc"])
            assert set(written) == {"public.table_changes"}
            assert "order" not in row["prosrc"]


class TestValues:
    @pytest.mark.parametrize("state", ["ISSUED", "OVERDUE", "DRAFT", "EXECUTED", "SANCTIONED"])
    async def test_a_referral_takes_no_state_of_an_order(self, database, parties, as_of, owner_connection, state):
        await join_referrals(database, parties, as_of)
        await refer(database, parties, as_of, TELKOMSEL_NUMBER)
        with pytest.raises(Exception, match="ck_referrals_state_known"):
            await owner_connection.execute(f"UPDATE referrals SET state = '{state}'")

    def test_no_closed_list_has_a_word_of_duty(self):
        lists = [each for each in vars(vocabulary).values() if isinstance(each, type) and hasattr(each, "__members__")]
        assert len(lists) > 6
        names = [name for each in (*lists, ReferralState) for name in each.__members__]
        # Its own policy, which the provider says was not broken.
        assert [name for name in names if DUTY.search(name.lower())] == ["NO_POLICY_BREACH"]

    def test_no_event_of_a_referral_says_one(self):
        kinds = [kind for kind in EventKind if kind.startswith("REFERRAL_")]
        assert len(kinds) == 5
        said = set().union(*(PAYLOAD_KEYS[kind] for kind in kinds))
        assert not [key for key in said if re.search("due|late|sanction|order|version", key, re.IGNORECASE)]


class TestRoles:
    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.TRANSITION}))
    async def test_none_but_the_transition_moves_a_referral_or_makes_an_order(self, database, parties, as_of, role):
        await join_referrals(database, parties, as_of)
        await refer(database, parties, as_of, TELKOMSEL_NUMBER)
        for act in (
            "UPDATE referrals SET reply_hoped_by = '2020-01-01'",
            "UPDATE referrals SET state = 'LAPSED'",
            "INSERT INTO block_orders DEFAULT VALUES",
            "INSERT INTO referrals DEFAULT VALUES",
        ):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.system(role, as_of=as_of) as tx:
                    await tx.execute(text(act))

    async def test_the_transition_can_link_no_referral_as_an_order(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        [referral] = await refer(database, parties, as_of, TELKOMSEL_NUMBER)
        statement = text(
            "INSERT INTO order_complaints SELECT referral_id, complaint_id, joined_at FROM referral_complaints"
        )
        with pytest.raises(IntegrityError, match="fk_order_complaints_order_id"):
            async with database.system(Role.TRANSITION, as_of=as_of) as tx:
                await tx.execute(statement)
        assert referral.state is ReferralState.OFFERED

    async def test_an_orders_acknowledgement_can_not_be_said_of_a_referral(self, database, parties, as_of):
        await join_referrals(database, parties, as_of)
        [referral] = await refer(database, parties, as_of, TELKOMSEL_NUMBER)
        [order] = await issue_orders(database, parties, as_of, ["+6281200000009"])
        said = text(
            "INSERT INTO order_acknowledgements SELECT gen_random_uuid(), CAST(:referral_id AS uuid), carrier_id, 1, "
            "'RECEIVED', NULL, 'x', NULL, NULL, now(), now(), false, true, NULL, NULL, NULL FROM block_orders "
            "WHERE id = CAST(:order_id AS uuid)"
        )
        with pytest.raises(DBAPIError):
            async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
                await tx.execute(said, {"referral_id": referral.id, "order_id": order.id})
