"""Witnesses: who registers them, which cosignatures are taken, and what is shown and verified of them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.errors import ForbiddenError, OfficerRequiredError, StateConflictError, UnknownError
from ledger.feed import witnesses
from ledger.feed.audit_files import CheckpointLine, parse_line, render_line
from ledger.feed.cosigning import cosign, find_witness_key
from ledger.feed.findings import Tampering
from ledger.feed.log_times import CLOCK_SKEW_MAX
from ledger.feed.notes import SIGNATURES_MAX, verify_note
from ledger.feed.verification import WitnessKeyError, parse_keys, parse_witness_keys
from ledger.feed.witnesses import (
    CheckpointUnknownError,
    CosignatureInvalidError,
    CosignatureStaleError,
    CosignatureTimeError,
    TooManyWitnessesError,
    WitnessDraft,
    WitnessKeyTakenError,
    WitnessUnknownError,
    cosign_checkpoint,
    cosign_note,
    list_witnesses,
    load_cosignatures,
    register_witness,
    retire_witness,
)
from ledger.identifiers import OfficerId
from ledger.viewer import OPERATOR
from tests.support.audited import export_lines, find_finding, read_now, verify_now

NAME = "witness.telkomsel.example"


class Watched:
    """A signed log, and the witness of a carrier."""

    def __init__(self, audited, parties) -> None:
        self.audited = audited
        self.parties = parties
        self.private_key = Ed25519PrivateKey.generate()
        self.key = find_witness_key(NAME, self.private_key)

    async def register(self, viewer=OPERATOR, **draft):
        known = {"key": self.key.render(), "member_id": self.parties.telkomsel.member_id}
        async with self.audited.database.transaction(viewer, as_of=read_now()) as tx:
            return await register_witness(tx, WitnessDraft(**(known | draft)))

    async def line(self, size, *, at=None, private_key=None, name=NAME, of_size=None):
        """A cosignature of the checkpoint of a size, or of another one."""
        text = (await self.audited.note(of_size or size)).partition("\n\n")[0] + "\n"
        return cosign(text, name=name, private_key=private_key or self.private_key, at=at or read_now())

    async def send(self, size, line, viewer=None):
        async with self.audited.database.transaction(viewer or self.parties.telkomsel, as_of=read_now()) as tx:
            return await cosign_checkpoint(tx, tree_size=size, line=line)

    async def stored(self, size, viewer=None):
        async with self.audited.database.reading(viewer or self.parties.indosat, as_of=read_now()) as tx:
            return (await load_cosignatures(tx, [size])).get(size, [])


@pytest.fixture
async def watched(audited, parties) -> Watched:
    return Watched(audited, parties)


class TestRegistration:
    async def test_by_the_operator_or_an_officer_is_an_event_of_the_member(self, watched, audited, parties):
        made = await watched.register()
        assert (made.member_id, made.verifier_key) == (parties.telkomsel.member_id, watched.key.render())
        async with audited.database.transaction(parties.officer, as_of=read_now()) as tx:
            await retire_witness(tx, made.id)
            with pytest.raises(StateConflictError):
                await retire_witness(tx, made.id)
        rows = await audited.owner.fetch("SELECT subject_id, payload FROM events WHERE kind = 'WITNESS_CHANGED'")
        assert [row["subject_id"] for row in rows] == [parties.telkomsel.member_id] * 2
        async with audited.database.reading(parties.provider, as_of=read_now()) as tx:
            [shown] = await list_witnesses(tx)
        assert (shown.verifier_key, shown.retired_at is not None) == (watched.key.render(), True)

    async def test_by_a_members_own_officer_is_for_that_member_only(self, watched, parties):
        officer = replace(parties.telkomsel, officer_id=parties.officer.officer_id)
        made = await watched.register(officer, member_id=None)
        assert made.member_id == parties.telkomsel.member_id
        with pytest.raises(ForbiddenError):
            await watched.register(officer, member_id=parties.indosat.member_id)

    @pytest.mark.parametrize("who", ["telkomsel", "indosat", "regulator", "agency", "provider"])
    async def test_by_a_machine_is_refused(self, watched, parties, who):
        with pytest.raises(OfficerRequiredError):
            await watched.register(getattr(parties, who))

    async def test_retiring_another_members_witness_is_refused_as_unknown(self, watched, audited, parties):
        made = await watched.register()
        stranger = replace(parties.indosat, officer_id=OfficerId(parties.officer.officer_id))
        with pytest.raises(UnknownError):
            async with audited.database.transaction(stranger, as_of=read_now()) as tx:
                await retire_witness(tx, made.id)

    async def test_takes_one_key_once_and_never_the_logs_own(self, watched, audited, parties):
        await audited.settle()
        await watched.register()
        with pytest.raises(WitnessKeyTakenError):
            await watched.register(member_id=parties.indosat.member_id)
        # The same key under another name is the same key: a cosignature doesn't commit to the name.
        renamed = find_witness_key("other.example", watched.private_key)
        with pytest.raises(WitnessKeyTakenError):
            await watched.register(key=renamed.render())
        [logs] = parse_keys(await audited.keys())
        as_witness = replace(watched.key, name="w.example", public_key=logs.public_key)
        with pytest.raises(WitnessKeyTakenError):
            await watched.register(key=as_witness.render())
        with pytest.raises(WitnessKeyError):
            await watched.register(key=logs.render())
        with pytest.raises(UnknownError):
            await watched.register(member_id="no-id")

    async def test_is_bounded_for_each_member(self, watched, monkeypatch):
        monkeypatch.setattr(witnesses, "WITNESSES_MAX", 1)
        await watched.register()
        with pytest.raises(TooManyWitnessesError):
            await watched.register(key=find_witness_key(NAME, Ed25519PrivateKey.generate()).render())


class TestCosigning:
    async def test_is_verified_stored_and_shown_to_every_member(self, watched, audited, parties, as_of):
        await watched.register()
        size = await audited.settle()
        line = await watched.line(size)
        kept = await watched.send(size, line)
        assert await watched.send(size, line) == kept
        for viewer in (parties.indosat, parties.agency, parties.provider, parties.regulator):
            assert [each.line for each in await watched.stored(size, viewer)] == [line.rstrip("\n")]
        note = cosign_note(await audited.note(), [kept], lines_max=SIGNATURES_MAX)
        assert note.endswith(line)
        assert verify_note(note, keys=parse_keys(await audited.keys()))

    async def test_forged_key_of_the_same_name_is_refused(self, watched, audited):
        await watched.register()
        size = await audited.settle()
        with pytest.raises(WitnessUnknownError):
            await watched.send(size, await watched.line(size, private_key=Ed25519PrivateKey.generate()))
        assert await watched.stored(size) == []

    async def test_another_members_token_can_not_send_it(self, watched, audited, parties):
        await watched.register()
        size = await audited.settle()
        line = await watched.line(size)
        for viewer in (parties.indosat, parties.regulator, parties.agency, parties.provider):
            with pytest.raises(WitnessUnknownError):
                await watched.send(size, line, viewer)
        with pytest.raises(ForbiddenError):
            await watched.send(size, line, OPERATOR)

    async def test_retired_key_is_refused_and_what_it_cosigned_stays(self, watched, audited, parties, as_of):
        made = await watched.register()
        size = await audited.settle()
        await watched.send(size, await watched.line(size))
        async with audited.database.transaction(parties.officer, as_of=read_now()) as tx:
            await retire_witness(tx, made.id)
        assert len(await watched.stored(size)) == 1
        size = await audited.settle()
        with pytest.raises(WitnessUnknownError):
            await watched.send(size, await watched.line(size))

    async def test_cosignature_of_another_checkpoint_is_refused(self, watched, audited, parties, as_of):
        await watched.register()
        first = await audited.settle()
        second = await audited.fill(parties.officer, as_of)
        with pytest.raises(CosignatureInvalidError):
            await watched.send(second, await watched.line(second, of_size=first))
        with pytest.raises(CheckpointUnknownError):
            await watched.send(second + 7, await watched.line(second))
        for malformed in ("", "no line", "x" * 5_000):
            with pytest.raises(CosignatureInvalidError):
                await watched.send(second, malformed)

    async def test_time_that_has_not_come_or_is_before_the_checkpoint_is_refused(self, watched, audited):
        await watched.register()
        size = await audited.settle()
        for shift in (CLOCK_SKEW_MAX + timedelta(minutes=1), -CLOCK_SKEW_MAX - timedelta(days=1)):
            with pytest.raises(CosignatureTimeError):
                await watched.send(size, await watched.line(size, at=read_now() + shift))

    async def test_replayed_old_cosignature_is_refused_after_a_newer_one(self, watched, audited, parties, as_of):
        await watched.register()
        first = await audited.settle()
        unsent, sent = await watched.line(first, at=read_now() - timedelta(seconds=60)), await watched.line(first)
        await watched.send(first, sent)
        with pytest.raises(CosignatureStaleError):
            await watched.send(first, unsent)
        second = await audited.fill(parties.officer, as_of)
        await watched.send(second, await watched.line(second))
        with pytest.raises(CosignatureStaleError):
            await watched.send(first, await watched.line(first, at=read_now() + timedelta(seconds=60)))
        # What is stored may be sent again, after an answer that was lost.
        assert (await watched.send(first, sent)).tree_size == first

    async def test_keeps_the_newest_of_a_witness_only(self, watched, audited, parties, as_of, monkeypatch):
        monkeypatch.setattr(witnesses, "COSIGNATURES_KEPT_MAX", 2)
        await watched.register()
        sizes = []
        for _ in range(4):
            sizes.append(await audited.fill(parties.officer, as_of))
            await watched.send(sizes[-1], await watched.line(sizes[-1]))
        kept = await audited.owner.fetch("SELECT tree_size FROM feed_cosignatures ORDER BY tree_size")
        assert [row["tree_size"] for row in kept] == sizes[2:]


class TestVerification:
    async def cosigned(self, watched, audited, parties, as_of):
        await watched.register()
        await audited.fill(parties.officer, as_of, count=3)
        size = await audited.settle()
        await watched.send(size, await watched.line(size))
        await audited.fill(parties.officer, as_of, count=3)
        return size, parse_witness_keys([watched.key.render()])

    async def test_names_the_newest_checkpoint_that_the_witness_cosigned(self, watched, audited, parties, as_of):
        size, keys = await self.cosigned(watched, audited, parties, as_of)
        account = await verify_now(audited, witness_keys=keys)
        [told] = account.witnesses
        assert (account.finding, told.key, told.tree_size) == (None, watched.key.render(), size)
        assert told.cosigned_at is not None

    async def test_stripped_cosignatures_are_found_by_who_names_the_witness(self, watched, audited, parties, as_of):
        _, keys = await self.cosigned(watched, audited, parties, as_of)
        lines = [self.edit(raw, ()) for raw in await export_lines(audited)]
        assert (await verify_now(audited, lines)).finding is None
        account = await verify_now(audited, lines, witness_keys=keys)
        assert account.finding.tampering is Tampering.COSIGNATURE_MISSING

    async def test_cosignature_moved_to_another_checkpoint_is_found(self, watched, audited, parties, as_of):
        size, keys = await self.cosigned(watched, audited, parties, as_of)
        line = (await watched.line(size)).rstrip("\n")
        lines = [self.edit(raw, (line,), but=size) for raw in await export_lines(audited)]
        first = min(part.tree_size for raw in lines if isinstance(part := parse_line(raw), CheckpointLine))
        found = find_finding(await verify_now(audited, lines, witness_keys=keys))
        assert found == (Tampering.COSIGNATURE, first)

    @staticmethod
    def edit(raw, cosignatures, *, but=0):
        line = parse_line(raw)
        if not isinstance(line, CheckpointLine) or line.tree_size == but:
            return raw
        return render_line(replace(line, cosignatures=cosignatures))
