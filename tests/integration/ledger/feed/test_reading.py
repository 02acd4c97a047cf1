"""Reading the feed: each viewer gets exactly what may_get says, however it pages."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.errors import CursorExpiredError, ForbiddenError
from ledger.feed import reading
from ledger.feed.entries import may_get
from ledger.feed.events import append_events
from ledger.feed.reading import TAIL, entry_of, find_reserved_texts, find_texts, read_entries, read_page
from ledger.feed.vocabulary import EventKind, Subject
from ledger.viewer import OPERATOR
from tests.support.sequenced import event_draft
from tests.support.statements import count_statements

MEMBERS = ("agency", "other_agency", "telkomsel", "indosat", "xlsmart", "provider")
BRANDS = (None, "xl", "axis", "byu")
KINDS = (EventKind.ORDER_ISSUED, EventKind.ORDER_WITHDRAWN, EventKind.ORDER_CLOSED)
EVENTS = st.lists(
    st.tuples(st.sets(st.sampled_from(MEMBERS)), st.sampled_from(BRANDS), st.sampled_from(KINDS)),
    min_size=1,
    max_size=20,
)


def all_viewers(parties):
    narrowed = [replace(parties.xlsmart, brand_id=parties.brands[brand]) for brand in ("xl", "axis")]
    return [*parties.everyone.values(), *narrowed, replace(parties.telkomsel, brand_id=parties.brands["byu"])]


async def read_all(database, viewer, as_of, *, after, limit, **named):
    """Page by page to the end of the feed."""
    found, place = [], after
    async with database.reading(viewer, as_of=as_of) as tx:
        while True:
            part = await read_entries(tx, after=place, limit=limit, **named)
            assert len(part.entries) <= limit
            assert all(place < entry.position <= part.scanned_to for entry in part.entries)
            found += part.entries
            place = part.scanned_to
            if part.is_end:
                return found, place


class TestReadEntries:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(events=EVENTS, limit=st.integers(1, 7), kinds=st.none() | st.sets(st.sampled_from(KINDS)))
    async def test_gives_each_viewer_what_it_may_get_and_nothing_else(
        self, sequenced, parties, as_of, monkeypatch, events, limit, kinds
    ):
        monkeypatch.setattr(reading, "SCANNED_MAX", 3)
        before = await sequenced.wait()
        drafts = [
            event_draft(
                number,
                kind=kind,
                audience=[parties.everyone[name].member_id for name in names],
                brand_id=brand and parties.brands[brand],
            )
            for number, (names, brand, kind) in enumerate(events)
        ]
        async with sequenced.database.transaction(parties.officer, as_of=as_of) as tx:
            await append_events(tx, drafts)
        head = await sequenced.wait(before + len(events))
        tail = [entry_of(row) for row in await sequenced.owner.fetch(TAIL, before, 100)]
        assert [entry.position for entry in tail] == list(range(before + 1, head + 1))
        for viewer in all_viewers(parties):
            wanted = [entry for entry in tail if may_get(entry, viewer) and (kinds is None or entry.kind in kinds)]
            found, end = await read_all(sequenced.database, viewer, as_of, after=before, limit=limit, kinds=kinds)
            shown = wanted if viewer.is_regulator else [replace(each, audience=(), brand_id=None) for each in wanted]
            assert found == shown
            assert end == head

    async def test_stops_at_until(self, sequenced, parties, as_of):
        before = await sequenced.wait()
        await sequenced.append(parties.officer, as_of, 9, audience=[parties.agency.member_id])
        await sequenced.wait(before + 9)
        for viewer in (parties.agency, parties.regulator, parties.telkomsel):
            found, end = await read_all(sequenced.database, viewer, as_of, after=before + 2, limit=4, until=before + 5)
            assert end == before + 5
            expected = [] if viewer is parties.telkomsel else [before + 3, before + 4, before + 5]
            assert [entry.position for entry in found] == expected

    async def test_is_bounded_when_nothing_matches(self, sequenced, parties, as_of, monkeypatch):
        monkeypatch.setattr(reading, "SCANNED_MAX", 10)
        before = await sequenced.wait()
        await sequenced.append(parties.officer, as_of, 25, audience=[parties.agency.member_id])
        await sequenced.wait(before + 25)
        statements = []
        stop = count_statements(sequenced.database, statements.append)
        async with sequenced.database.reading(parties.agency, as_of=as_of) as tx:
            part = await read_entries(tx, after=before, limit=5, kinds={EventKind.KEYS_ROTATED})
        stop()
        assert (part.entries, part.scanned_to) == ([], before + 10)
        assert len(statements) == 2  # the binding of the viewer, and the reading

    async def test_names_the_oldest_place_when_what_it_asks_for_was_archived(
        self, sequenced, parties, as_of, owner_connection
    ):
        await sequenced.append(parties.officer, as_of, 5, audience=[parties.agency.member_id])
        head = await sequenced.wait()
        await owner_connection.execute("UPDATE feed_head SET oldest_position = $1", head - 1)
        for viewer in (parties.agency, parties.regulator):
            with pytest.raises(CursorExpiredError) as refusal:
                await read_all(sequenced.database, viewer, as_of, after=head - 3, limit=5)
            assert refusal.value.details["oldestPosition"] == str(head - 1)
            found, _ = await read_all(sequenced.database, viewer, as_of, after=head - 2, limit=5)
            assert [entry.position for entry in found] == [head - 1, head]

    async def test_a_page_is_full_though_entries_in_between_are_withdrawn(self, sequenced, parties, as_of, monkeypatch):
        """A provider that left reads no signals any more; what lies behind them is still there."""
        monkeypatch.setattr(reading, "SCANNED_MAX", 7)
        before = await sequenced.wait()
        audience = [parties.provider.member_id]
        await sequenced.append(parties.officer, as_of, 2, audience=audience)
        await sequenced.append(
            parties.officer, as_of, 30, audience=audience, kind=EventKind.SIGNAL_EXPIRED,
            subject=Subject.FRAUD_SIGNAL, payload={},
        )  # fmt: skip
        await sequenced.append(parties.officer, as_of, 3, audience=audience)
        await sequenced.wait(before + 35)
        async with sequenced.database.reading(parties.provider, as_of=as_of) as tx:
            first = (await read_page(tx, after=before, limit=4)).entries
            rest = (await read_page(tx, after=first[-1].position, limit=4)).entries
        assert [entry.position - before for entry in first] == [1, 2, 33, 34]
        assert [entry.position - before for entry in rest] == [35]

    async def test_is_refused_to_the_operator(self, database, as_of):
        with pytest.raises(ForbiddenError):
            await read_all(database, OPERATOR, as_of, after=0, limit=5)


class TestTexts:
    async def test_are_what_the_hashes_commit_to(self, sequenced, parties, as_of, owner_connection):
        await sequenced.append(parties.officer, as_of, 1, audience=[parties.agency.member_id])
        await sequenced.append(parties.officer, as_of, 1, audience=[parties.telkomsel.member_id])
        head = await sequenced.wait()
        async with sequenced.database.reading(parties.agency, as_of=as_of) as tx:
            texts = await find_texts(tx, [head - 1, head])
            with pytest.raises(ForbiddenError):
                await find_reserved_texts(tx, [head - 1])
        assert list(texts) == [head - 1]
        text = texts[head - 1]
        assert sha256(b"\x00" + text.salt + text.text.encode()).digest() == text.committed_hash
        async with sequenced.database.reading(parties.officer, as_of=as_of) as tx:
            reserved = (await find_reserved_texts(tx, [head - 1]))[head - 1]
        assert sha256(reserved.salt + reserved.text.encode()).digest() == reserved.committed_hash
        assert reserved.committed_hash.hex() in text.text
        assert parties.agency.member_id in reserved.text
        await owner_connection.execute(
            "UPDATE events SET erased_at = now(), salt = NULL FROM feed WHERE event_id = id AND position = $1",
            head - 1,
        )
        async with sequenced.database.reading(parties.agency, as_of=as_of) as tx:
            assert await find_texts(tx, [head - 1]) == {}
