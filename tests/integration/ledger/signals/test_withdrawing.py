"""What a member no longer stands by: it ends, its chain stays visible, and what it corroborated is counted anew."""

import asyncio
import json
import random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.errors import ForbiddenError, Problem
from ledger.feed.vocabulary import EventKind
from ledger.numbers.vocabulary import RiskTier
from ledger.participations.taking_part import ParticipationMissingError
from ledger.signals.contribution_reading import load_contributions, load_replacing_contributions
from ledger.signals.states import ContributionState, SignalState
from ledger.signals.targets import ContributionDraft
from ledger.signals.vocabulary import ContributionKind, ContributionWithdrawalReason, SignalBasis
from ledger.signals.withdrawing import Replacement, replace_contributions
from ledger.viewer import OPERATOR
from ledger.vocabulary import Category
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER
from tests.support.signal_journeys import (
    DAY,
    admit_provider,
    complain,
    contribute,
    contribute_drafts,
    leave,
    list_contributed,
    put_in_place,
    read_events,
    read_signals,
    take_part,
    withdraw,
)
from tests.support.statements import count_statements

NUMBER = TELKOMSEL_NUMBER
STANDING, WITHDRAWN, REPLACED = ContributionState


async def contribute_one(database, viewer, as_of, number=NUMBER, **more):
    (recorded,) = await contribute(database, viewer, as_of, number, **more)
    return recorded.contribution


async def signal_of(database, parties, as_of):
    (signal,) = await read_signals(database, parties.officer, as_of)
    return signal


class TestReading:
    async def test_shows_each_member_its_own_and_the_regulator_all(self, database, parties, as_of):
        for viewer in (parties.agency, parties.indosat, parties.telkomsel):
            await contribute(database, viewer, as_of, NUMBER, INDOSAT_NUMBER, reference=f"OF-{viewer.member_id[-4:]}")
        for viewer in (parties.agency, parties.indosat, parties.telkomsel):
            own = await list_contributed(database, viewer, as_of)
            assert {item.member_id for item in own} == {viewer.member_id}
            assert [item.e164 for item in own] == [INDOSAT_NUMBER, NUMBER]
            assert {(item.epoch, item.client_id) for item in own} == {(None, None)}
        for viewer in (parties.officer, parties.regulator):
            assert len(await list_contributed(database, viewer, as_of)) == 6
        with pytest.raises(ForbiddenError):
            await list_contributed(database, OPERATOR, as_of)

    async def test_is_filtered_by_state_kind_number_reference_and_contributor(self, database, parties, as_of):
        viewer = parties.agency
        first, second = await contribute(database, viewer, as_of, NUMBER, INDOSAT_NUMBER, reference="N")
        (link,) = await contribute_drafts(database, viewer, as_of, {"link": "https://a.example/x", "reference": "L"})
        await withdraw(database, viewer, as_of, first.contribution.id)
        for where, wanted in (
            ({"states": (STANDING,)}, [link, second]),
            ({"states": (WITHDRAWN, REPLACED)}, [first]),
            ({"kinds": (ContributionKind.LINK,)}, [link]),
            ({"number": INDOSAT_NUMBER}, [second]),
            ({"reference": "N-0"}, [first]),
            ({"reference": "N"}, []),
            ({"contributor_id": viewer.member_id}, []),
        ):
            found = await list_contributed(database, viewer, as_of, **where)
            assert [item.id for item in found] == [item.contribution.id for item in wanted], where
        of_agency = await list_contributed(database, parties.officer, as_of, contributor_id=viewer.member_id)
        assert len(of_agency) == 3
        assert await list_contributed(database, parties.officer, as_of, reference="N-0") == []


class TestWithdrawing:
    async def test_ends_it_with_its_reason_and_once(self, database, parties, as_of, owner_connection):
        made = await contribute_one(database, parties.indosat, as_of)
        (ended,) = await withdraw(database, parties.indosat, as_of + DAY, made.id)
        assert (ended.state, ended.ended_at, ended.withdrawal_reason) == (
            WITHDRAWN, as_of + DAY, ContributionWithdrawalReason.MISTAKE,
        )  # fmt: skip
        again = await withdraw(database, parties.indosat, as_of + 2 * DAY, made.id, made.id)
        assert again == [ended, ended]
        (event,) = await read_events(owner_connection, EventKind.SIGNAL_CONTRIBUTION_WITHDRAWN)
        assert (event["audience"], event["state"]) == ([parties.indosat.member_id], "WITHDRAWN")
        (other,) = await withdraw(
            database, parties.indosat, as_of, made.id, reason=ContributionWithdrawalReason.OUTDATED
        )
        assert (other.code, other.field) == ("INCOMPATIBLE_STATE", "reason")

    async def test_is_not_undone_by_sending_it_again(self, database, parties, as_of):
        made = await contribute_one(database, parties.indosat, as_of)
        await withdraw(database, parties.indosat, as_of, made.id)
        (known,) = await contribute(database, parties.indosat, as_of, NUMBER)
        assert (known.was_known, known.contribution.id, known.contribution.state) == (True, made.id, WITHDRAWN)

    async def test_answers_item_by_item(self, database, parties, as_of):
        made = await contribute_one(database, parties.indosat, as_of)
        unknown = "01900000-0000-7000-8000-000000000000"
        ended, *refused = await withdraw(database, parties.indosat, as_of, made.id, unknown, "nonsense")
        assert ended.state is WITHDRAWN
        assert [(each.code, each.field) for each in refused] == [("NOT_FOUND", "id")] * 2

    async def test_of_many_takes_the_statements_of_one(self, database, parties, as_of):
        numbers = [f"+6281200{serial:05d}" for serial in range(41)]
        for number in numbers[:3]:
            await complain(database, parties, as_of, number)
        made = await contribute(database, parties.indosat, as_of, *numbers)
        counts = []
        for few in (made[:1], made[1:]):
            statements = []
            stop = count_statements(database, statements.append)
            await withdraw(database, parties.indosat, as_of, *(each.contribution.id for each in few))
            stop()
            counts.append(sum("set_config" not in statement for statement in statements))
        assert counts[0] == counts[1] <= 12


class TestReplacing:
    async def test_keeps_the_former_and_shows_the_chain(self, database, parties, as_of, owner_connection):
        viewer = parties.indosat
        first = await contribute_one(database, viewer, as_of)
        second = (
            await put_in_place(database, viewer, as_of + DAY, first.id, INDOSAT_NUMBER, reference="2")
        ).contribution
        third = (await put_in_place(database, viewer, as_of + DAY, second.id, NUMBER, reference="3")).contribution
        for reader in (viewer, parties.officer):
            chain = await list_contributed(database, reader, as_of, chain_of=first.id)
            assert [item.id for item in chain] == [third.id, second.id, first.id]
            assert [item.state for item in chain] == [STANDING, REPLACED, REPLACED]
            assert [item.replaces_id for item in chain] == [second.id, first.id, None]
            assert [item.first_id for item in chain] == [first.id, first.id, None]
        assert [item.e164 for item in chain] == [NUMBER, INDOSAT_NUMBER, NUMBER]
        async with database.reading(viewer, as_of=as_of) as tx:
            assert (await load_contributions(tx, [first.id]))[first.id].ended_at == as_of + DAY
            assert (await load_replacing_contributions(tx, [first.id]))[first.id].id == second.id
        events = await read_events(owner_connection, EventKind.SIGNAL_CONTRIBUTION_REPLACED)
        assert [json.loads(event["payload"]) for event in events] == [
            {"category": "FRAUD", "replacedById": second.id}, {"category": "FRAUD", "replacedById": third.id},
        ]  # fmt: skip

    async def test_of_what_ended_is_refused(self, database, parties, as_of):
        viewer = parties.indosat
        withdrawn, replaced = [item.contribution for item in await contribute(database, viewer, as_of, NUMBER, NUMBER)]
        await withdraw(database, viewer, as_of, withdrawn.id)
        await put_in_place(database, viewer, as_of, replaced.id, NUMBER)
        for place, ended in enumerate((withdrawn, replaced)):
            refused = await put_in_place(database, viewer, as_of, ended.id, NUMBER, reference=f"LATER-{place}")
            assert refused.code == "INCOMPATIBLE_STATE"
            (refused,) = await withdraw(
                database, viewer, as_of, replaced.id, reason=ContributionWithdrawalReason.OUTDATED
            )
            assert refused.code == "INCOMPATIBLE_STATE"
        assert len(await list_contributed(database, viewer, as_of)) == 3

    async def test_again_under_its_reference_returns_the_first(self, database, parties, as_of):
        viewer = parties.indosat
        made = await contribute_one(database, viewer, as_of)
        first = await put_in_place(database, viewer, as_of, made.id, INDOSAT_NUMBER)
        again = await put_in_place(database, viewer, as_of + DAY, made.id, INDOSAT_NUMBER)
        assert (first.was_known, again.was_known, again.contribution) == (False, True, first.contribution)
        other = await put_in_place(database, viewer, as_of, made.id, NUMBER)
        assert other.code == "CONTRIBUTION_CONFLICT"
        # A plain contribution under the reference of a replacement is something else, too.
        (plain,) = await contribute_drafts(database, viewer, as_of, {"number": INDOSAT_NUMBER, "reference": "ANEW"})
        assert plain.code == "CONTRIBUTION_CONFLICT"

    async def test_twice_in_one_call_replaces_once(self, database, parties, as_of):
        made = await contribute_one(database, parties.indosat, as_of)
        (plain,) = await contribute_drafts(database, parties.indosat, as_of, {"number": NUMBER, "reference": "B"})

        def replacing(replaced, reference, number=NUMBER):
            draft = ContributionDraft(number=number, category=Category.FRAUD, reference=reference)
            return Replacement(contribution_id=replaced.id, draft=draft)

        replacements = [
            replacing(made, "A"), replacing(made, "A"), replacing(made, "C"), replacing(plain.contribution, "B"),
            replacing(made, "D", number="nonsense"),
        ]  # fmt: skip
        async with database.transaction(parties.indosat, as_of=as_of) as tx:
            first, same_again, third, own_reference, invalid = await replace_contributions(tx, replacements)
        assert first.contribution == same_again.contribution
        assert [each.code for each in (third, own_reference, invalid)] == [
            "INCOMPATIBLE_STATE", "CONTRIBUTION_CONFLICT", "NUMBER_INVALID",
        ]  # fmt: skip
        assert len(await list_contributed(database, parties.indosat, as_of, states=(STANDING,))) == 2


class TestCorroboration:
    async def test_falls_while_the_signal_stays(self, database, parties, as_of, owner_connection):
        await take_part(database, parties, as_of)
        await complain(database, parties, as_of, NUMBER)
        before = await signal_of(database, parties, as_of)
        made = [await contribute_one(database, viewer, as_of) for viewer in (parties.indosat, parties.xlsmart)]
        seen = []
        for viewer, contribution in zip((parties.indosat, parties.xlsmart), made, strict=True):
            await withdraw(database, viewer, as_of + DAY, contribution.id)
            signal = await signal_of(database, parties, as_of)
            seen.append((signal.corroboration_count, signal.basis))
            assert (signal.state, signal.risk, signal.score, signal.valid_until) == (
                SignalState.ACTIVE, RiskTier.MEDIUM, before.score, before.valid_until,
            )  # fmt: skip
        assert seen == [(1, SignalBasis.CORROBORATED), (0, SignalBasis.VERIFIED_COMPLAINTS)]
        told = await read_events(owner_connection, EventKind.SIGNAL_UNCORROBORATED)
        assert [json.loads(event["payload"]) for event in told] == [{"category": "FRAUD", "risk": "MEDIUM"}] * 2
        for event in told:
            assert sorted(event["audience"]) == sorted([parties.provider.member_id, parties.telkomsel.member_id])
            assert [event[f"actor_{who}_id"] for who in ("member", "officer", "client")] == [None] * 3

    async def test_reaches_recipients_whose_terms_no_longer_name_the_category(
        self, database, parties, as_of, owner_connection
    ):
        taken = await take_part(database, parties, as_of)
        await complain(database, parties, as_of, NUMBER)
        made = await contribute_one(database, parties.indosat, as_of)
        await leave(database, parties, as_of, taken)
        await take_part(database, parties, as_of + DAY, categories=(Category.EXTORTION,))
        await withdraw(database, parties.indosat, as_of + DAY, made.id)
        (event,) = await read_events(owner_connection, EventKind.SIGNAL_UNCORROBORATED)
        assert parties.provider.member_id in event["audience"]

    async def test_stays_while_the_member_stands_by_another_report_and_nobody_is_told(
        self, database, parties, as_of, owner_connection
    ):
        await complain(database, parties, as_of, NUMBER)
        made = await contribute(database, parties.indosat, as_of, NUMBER, NUMBER)
        await withdraw(database, parties.indosat, as_of, made[0].contribution.id)
        assert (await signal_of(database, parties, as_of)).corroboration_count == 1
        assert await read_events(owner_connection, EventKind.SIGNAL_UNCORROBORATED) == []

    async def test_moves_with_what_replaces_it(self, database, parties, as_of):
        for number in (NUMBER, INDOSAT_NUMBER):
            await complain(database, parties, as_of, number)
        made = await contribute_one(database, parties.xlsmart, as_of)
        await put_in_place(database, parties.xlsmart, as_of, made.id, INDOSAT_NUMBER)
        found = {
            signal.e164: signal.corroboration_count for signal in await read_signals(database, parties.officer, as_of)
        }
        assert found == {NUMBER: 0, INDOSAT_NUMBER: 1}

    async def test_counts_what_was_withdrawn_for_no_signal_that_is_raised_later(self, database, parties, as_of):
        made = await contribute_one(database, parties.xlsmart, as_of)
        await contribute_one(database, parties.indosat, as_of)
        await withdraw(database, parties.xlsmart, as_of, made.id)
        await complain(database, parties, as_of, NUMBER)
        assert (await signal_of(database, parties, as_of)).corroboration_count == 1

    @pytest.mark.parametrize("seed", range(4))
    async def test_is_the_members_that_stand_by_it_after_whatever_they_did(
        self, database, parties, as_of, owner_connection, seed
    ):
        draw = random.Random(seed)  # noqa: S311 - a reproducible walk
        numbers = [NUMBER, INDOSAT_NUMBER]
        for number in numbers:
            await complain(database, parties, as_of, number)
        viewers = (parties.agency, parties.telkomsel, parties.indosat, parties.xlsmart)
        for step in range(30):
            viewer, number = draw.choice(viewers), draw.choice(numbers)
            own = await list_contributed(database, viewer, as_of)
            if not own or draw.random() < 0.4:
                await contribute(database, viewer, as_of, number, reference=f"C{draw.randint(1, 9)}")
            elif draw.random() < 0.5:
                await withdraw(database, viewer, as_of, draw.choice(own).id)
            else:
                reference = f"R{draw.randint(1, 9)}-{step % 3}"
                await put_in_place(database, viewer, as_of, draw.choice(own).id, number, reference=reference)
            wrong = await owner_connection.fetch(
                "SELECT f.id FROM fraud_signals f WHERE f.corroboration_count <> (SELECT count(DISTINCT x.member_id) "
                "FROM signal_contributions x WHERE x.e164 = f.e164 AND x.epoch = f.epoch AND x.category = f.category "
                "AND x.state = 'STANDING')"
            )
            assert wrong == []
        branching = await owner_connection.fetchval(
            "SELECT count(*) FROM signal_contributions c WHERE (c.state = 'REPLACED') <> "
            "EXISTS (SELECT 1 FROM signal_contributions n WHERE n.replaces_id = c.id AND n.member_id = c.member_id)"
        )
        assert branching == 0


class TestAttacks:
    @pytest.fixture
    async def of_provider(self, database, parties, as_of):
        await take_part(database, parties, as_of)
        await complain(database, parties, as_of, NUMBER)
        return await contribute_one(database, parties.provider, as_of)

    async def test_another_member_withdraws_or_replaces_it(self, database, parties, as_of, of_provider, other_provider):
        for viewer in (parties.telkomsel, parties.indosat, parties.agency, other_provider):
            (refused,) = await withdraw(database, viewer, as_of, of_provider.id)
            assert isinstance(refused, Problem)
            replaced = await put_in_place(database, viewer, as_of, of_provider.id, NUMBER)
            unknown = await put_in_place(
                database, viewer, as_of, "01900000-0000-7000-8000-000000000000", NUMBER, reference="OTHER"
            )
            assert (refused.code, replaced.code) == ("NOT_FOUND", "NOT_FOUND")
            # It learns nothing that it wouldn't of one that doesn't exist.
            assert (replaced.message, replaced.hint) == (unknown.message, unknown.hint)
            for where in ({}, {"number": NUMBER}, {"chain_of": of_provider.id}, {"reference": "CASE-0"}):
                assert await list_contributed(database, viewer, as_of, **where) == []
            async with database.reading(viewer, as_of=as_of) as tx:
                assert await load_contributions(tx, [of_provider.id]) == {}
        assert (await signal_of(database, parties, as_of)).corroboration_count == 1

    async def test_the_regulator_takes_back_what_a_member_said(self, database, parties, as_of, of_provider):
        for viewer in (parties.officer, parties.regulator, OPERATOR):
            with pytest.raises(ForbiddenError):
                await withdraw(database, viewer, as_of, of_provider.id)
            with pytest.raises(ForbiddenError):
                await put_in_place(database, viewer, as_of, of_provider.id, NUMBER)

    async def test_a_member_rewrites_its_own_row(self, database, parties, as_of, of_provider):
        for act in (
            "UPDATE signal_contributions SET state = 'STANDING'",
            "DELETE FROM signal_contributions",
            "INSERT INTO signal_contributions (id) VALUES (gen_random_uuid())",
        ):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.transaction(parties.provider, as_of=as_of) as tx:
                    await tx.execute(text(act))

    async def test_a_provider_that_left_goes_on_contributing_by_replacing(self, database, parties, as_of, of_provider):
        async with database.reading(parties.officer, as_of=as_of) as tx:
            (taken,) = (await tx.execute(text("SELECT id FROM participations WHERE ended_at IS NULL"))).all()
        await leave(database, parties, as_of, taken)
        with pytest.raises(ParticipationMissingError):
            await put_in_place(database, parties.provider, as_of, of_provider.id, INDOSAT_NUMBER)
        # What it said it can still read and take back.
        assert [item.id for item in await list_contributed(database, parties.provider, as_of)] == [of_provider.id]
        (ended,) = await withdraw(database, parties.provider, as_of, of_provider.id)
        assert ended.state is WITHDRAWN

    async def test_two_replacements_of_one_race(self, database, parties, as_of):
        made = await contribute_one(database, parties.indosat, as_of)
        results = await asyncio.gather(
            *(put_in_place(database, parties.indosat, as_of, made.id, NUMBER, reference=f"R{n}") for n in range(6))
        )
        assert sorted(getattr(each, "code", "WON") for each in results) == ["INCOMPATIBLE_STATE"] * 5 + ["WON"]
        standing = await list_contributed(database, parties.indosat, as_of, states=(STANDING,))
        assert [item.replaces_id for item in standing] == [made.id]

    async def test_the_same_replacement_is_sent_at_once(self, database, parties, as_of):
        made = await contribute_one(database, parties.indosat, as_of)
        results = await asyncio.gather(
            *(put_in_place(database, parties.indosat, as_of, made.id, INDOSAT_NUMBER) for _ in range(5))
        )
        assert len({each.contribution.id for each in results}) == 1
        assert sorted(each.was_known for each in results) == [False, True, True, True, True]

    async def test_a_replacement_and_withdrawals_race(self, database, parties, as_of, owner_connection):
        await complain(database, parties, as_of, NUMBER)
        made = await contribute_one(database, parties.indosat, as_of)
        await asyncio.gather(
            put_in_place(database, parties.indosat, as_of, made.id, NUMBER),
            *(withdraw(database, parties.indosat, as_of, made.id) for _ in range(4)),
        )
        ended = [
            *await read_events(owner_connection, EventKind.SIGNAL_CONTRIBUTION_WITHDRAWN),
            *await read_events(owner_connection, EventKind.SIGNAL_CONTRIBUTION_REPLACED),
        ]
        assert [event["subject_id"] for event in ended] == [made.id]
        standing = await list_contributed(database, parties.indosat, as_of, states=(STANDING,))
        assert (await signal_of(database, parties, as_of)).corroboration_count == len(standing)

    async def test_others_learn_who_withdrew(self, database, parties, as_of, of_provider):
        await withdraw(database, parties.provider, as_of, of_provider.id)
        for viewer in (parties.telkomsel, parties.indosat, parties.agency):
            async with database.reading(viewer, as_of=as_of) as tx:
                seen = (await tx.execute(text("SELECT kind, subject, payload::text FROM events"))).all()
            assert not {row.kind for row in seen} & {"SIGNAL_CONTRIBUTION_WITHDRAWN", "SIGNAL_CONTRIBUTED"}
            assert parties.provider.member_id not in " ".join(row.payload for row in seen)


@pytest.fixture
async def other_provider(database, parties, as_of):
    provider = await admit_provider(database, parties, as_of)
    await take_part(database, parties, as_of, provider)
    return provider
