"""What members saw themselves: it corroborates, it is idempotent, and alone it does nothing."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.errors import ForbiddenError, NoItemsError, TooManyItemsError
from ledger.feed.vocabulary import EventKind
from ledger.participations.taking_part import ParticipationMissingError
from ledger.signals.contribution_table import Contribution
from ledger.signals.contributions import contribute_signals
from ledger.signals.targets import ContributionDraft
from ledger.vocabulary import Category
from tests.support.journeys import TELKOMSEL_NUMBER, file_verified, recycle
from tests.support.signal_journeys import (
    DAY,
    admit_provider,
    complain,
    contribute,
    read_events,
    read_signals,
    take_part,
)
from tests.support.statements import count_statements

NUMBER = TELKOMSEL_NUMBER


async def count_of(database, parties, as_of):
    (signal,) = await read_signals(database, parties.officer, as_of, categories=(Category.FRAUD,))
    return signal.corroboration_count


class TestContributing:
    async def test_alone_raises_no_signal_and_shows_in_no_list(self, database, parties, as_of, owner_connection):
        await take_part(database, parties, as_of)
        for viewer in (parties.agency, parties.other_agency, parties.telkomsel, parties.indosat, parties.provider):
            (recorded,) = await contribute(database, viewer, as_of, NUMBER)
            assert isinstance(recorded.contribution, Contribution)
            assert (recorded.contribution.epoch, recorded.contribution.client_id) == (None, None)
        assert await read_signals(database, parties.officer, as_of) == []
        assert await owner_connection.fetchval("SELECT count(*) FROM phone_numbers") == 0
        assert await owner_connection.fetchval("SELECT count(*) FROM block_orders") == 0

    async def test_counts_distinct_members_and_nothing_else_of_the_signal(self, database, parties, as_of):
        await complain(database, parties, as_of, NUMBER)
        (before,) = await read_signals(database, parties.officer, as_of)
        for viewer, reference in (
            (parties.agency, "A"),
            (parties.agency, "B"),
            (parties.telkomsel, "A"),
            (parties.indosat, "A"),
        ):
            await contribute(database, viewer, as_of + DAY, NUMBER, reference=reference)
        (after,) = await read_signals(database, parties.officer, as_of)
        assert after.corroboration_count == 3
        assert (after.risk, after.score, after.valid_until) == (before.risk, before.score, before.valid_until)

    async def test_before_the_signal_counts_when_it_is_raised(self, database, parties, as_of):
        await contribute(database, parties.telkomsel, as_of, NUMBER)
        await contribute(database, parties.indosat, as_of, NUMBER, category=Category.EXTORTION)
        await complain(database, parties, as_of, NUMBER)
        assert await count_of(database, parties, as_of) == 1

    async def test_of_another_epoch_counts_for_no_other(self, database, parties, as_of):
        await complain(database, parties, as_of, NUMBER)
        later = as_of + DAY
        await recycle(database, parties, parties.telkomsel, later, NUMBER)
        await contribute(database, parties.indosat, later + DAY, NUMBER, reference="then", observed_at=as_of)
        await contribute(database, parties.agency, later + DAY, NUMBER, reference="now", observed_at=later + DAY)
        await contribute(database, parties.other_agency, later + DAY, NUMBER, reference="unsaid")
        await complain(database, parties, later + DAY, NUMBER, incident_at=later + DAY)
        new, old = await read_signals(database, parties.officer, as_of)
        assert (new.epoch, new.corroboration_count, old.corroboration_count) == (2, 2, 0)

    async def test_two_at_once_are_both_counted(self, database, parties, as_of):
        await complain(database, parties, as_of, NUMBER)
        viewers = (parties.agency, parties.other_agency, parties.telkomsel, parties.indosat, parties.xlsmart)
        await asyncio.gather(*(contribute(database, viewer, as_of, NUMBER) for viewer in viewers))
        assert await count_of(database, parties, as_of) == 5

    async def test_at_the_moment_of_raising_is_counted(self, database, parties, as_of):
        viewers = (parties.agency, parties.other_agency, parties.telkomsel)
        await asyncio.gather(
            *(contribute(database, viewer, as_of, NUMBER) for viewer in viewers),
            complain(database, parties, as_of, NUMBER),
        )
        await complain(database, parties, as_of, NUMBER)
        assert await count_of(database, parties, as_of) == 3

    async def test_tells_the_recipients_and_the_range_holder(self, database, parties, as_of, owner_connection):
        await take_part(database, parties, as_of)
        other = await admit_provider(database, parties, as_of)
        await take_part(database, parties, as_of, other, categories=(Category.EXTORTION,))
        await complain(database, parties, as_of, NUMBER)
        await contribute(database, parties.agency, as_of, NUMBER)
        (event,) = await read_events(owner_connection, EventKind.SIGNAL_CORROBORATED)
        assert set(event["audience"]) == {parties.provider.member_id, parties.telkomsel.member_id}


class TestRepeating:
    async def test_is_answered_with_the_first_recording(self, database, parties, as_of, owner_connection):
        (first,) = await contribute(database, parties.agency, as_of, "0812 0000 0001")
        (again,) = await contribute(database, parties.agency, as_of + DAY, NUMBER)
        assert again.contribution == first.contribution
        assert (first.was_known, again.was_known) == (False, True)
        assert len(await read_events(owner_connection, EventKind.SIGNAL_CONTRIBUTED)) == 1

    async def test_with_other_content_is_a_conflict_of_its_item(self, database, parties, as_of):
        await contribute(database, parties.agency, as_of, NUMBER)
        (conflict,) = await contribute(database, parties.agency, as_of, NUMBER, category=Category.EXTORTION)
        (conflict_too,) = await contribute(database, parties.agency, as_of, NUMBER, observed_at=as_of)
        assert {conflict.code, conflict_too.code} == {"CONTRIBUTION_CONFLICT"}

    async def test_a_reference_is_the_members_own(self, database, parties, as_of):
        (mine,) = await contribute(database, parties.agency, as_of, NUMBER)
        (theirs,) = await contribute(database, parties.telkomsel, as_of, NUMBER, category=Category.EXTORTION)
        assert mine.contribution.id != theirs.contribution.id

    async def test_within_one_call_and_in_two_at_once_records_one(self, database, parties, as_of, owner_connection):
        draft = ContributionDraft(number=NUMBER, category=Category.FRAUD, reference="R")

        async def call():
            async with database.transaction(parties.agency, as_of=as_of) as tx:
                return await contribute_signals(tx, [draft, draft])

        answers = [item for answer in await asyncio.gather(call(), call(), call()) for item in answer]
        assert len({item.contribution.id for item in answers}) == 1
        assert [item.was_known for item in answers].count(False) == 1
        assert await owner_connection.fetchval("SELECT count(*) FROM signal_contributions") == 1


class TestRefusals:
    async def test_one_bad_item_sinks_no_other(self, database, parties, as_of):
        drafts = [
            ContributionDraft(number="nonsense", category=Category.FRAUD, reference="1"),
            ContributionDraft(number=NUMBER, category=Category.FRAUD, reference=" "),
            ContributionDraft(number=NUMBER, category=Category.FRAUD, reference="x" * 129),
            ContributionDraft(number=NUMBER, category=Category.FRAUD, reference="a\0b"),
            ContributionDraft(
                number=NUMBER, category=Category.FRAUD, reference="2", observed_at=as_of + timedelta(hours=1)
            ),
            ContributionDraft(number=NUMBER, category=Category.FRAUD, reference="3"),
        ]
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            *problems, recorded = await contribute_signals(tx, drafts)
        assert [problem.code for problem in problems] == [
            "NUMBER_INVALID", "CONTRIBUTION_REFERENCE_MISSING", "TEXT_TOO_LONG", "TEXT_INVALID",
            "OBSERVATION_TIME_INVALID",
        ]  # fmt: skip
        assert recorded.contribution.e164 == NUMBER

    async def test_takes_1000_and_no_more(self, database, parties, as_of):
        for size, error in ((0, NoItemsError), (1001, TooManyItemsError)):
            with pytest.raises(error):
                await contribute(database, parties.agency, as_of, *[NUMBER] * size)

    async def test_is_for_members_that_take_part_and_not_for_the_regulator(self, database, parties, as_of):
        with pytest.raises(ParticipationMissingError):
            await contribute(database, parties.provider, as_of, NUMBER)
        for viewer in (parties.officer, parties.regulator):
            with pytest.raises(ForbiddenError):
                await contribute(database, viewer, as_of, NUMBER)

    async def test_of_1000_takes_as_many_statements_as_of_one(self, database, parties, as_of):
        numbers = [f"+6281200{serial:05d}" for serial in range(1000)]
        await file_verified(database, parties, as_of, numbers)
        counts = []
        for reference, wanted in (("A", numbers[:1]), ("B", numbers)):
            statements = []
            stop = count_statements(database, statements.append)
            await contribute(database, parties.indosat, as_of, *wanted, reference=reference)
            stop()
            counts.append(sum("set_config" not in statement for statement in statements))
        assert counts[0] == counts[1] <= 9
        async with database.reading(parties.officer, as_of=as_of) as tx:
            sums = await tx.execute(text("SELECT sum(corroboration_count) FROM fraud_signals"))
            assert sums.scalar_one() == 1000
