"""Named by the attack: what a member tries in order to learn what is not its own to know."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.feed.vocabulary import EventKind
from ledger.participations.taking_part import ParticipationMissingError
from ledger.participations.vocabulary import Disclosure
from ledger.signals.reading import (
    load_clear_numbers,
    load_signal_contributors,
    load_signal_hashes,
    load_signal_recipients,
)
from ledger.signals.reading import load_signals as load_by_id
from ledger.vocabulary import Category
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, file_verified
from tests.support.signal_journeys import (
    admit_provider,
    complain,
    contribute,
    leave,
    read_events,
    read_signals,
    take_part,
)

NUMBER = TELKOMSEL_NUMBER


@pytest.fixture
async def other(database, parties, as_of):
    """Another provider, which takes part too, with numbers in clear."""
    provider = await admit_provider(database, parties, as_of)
    await take_part(database, parties, as_of, provider, disclosure=Disclosure.CLEAR)
    return provider


async def select(database, viewer, as_of, statement):
    async with database.reading(viewer, as_of=as_of) as tx:
        return (await tx.execute(text(statement))).mappings().all()


async def test_a_provider_reads_anothers_hashes(database, parties, as_of, other):
    await take_part(database, parties, as_of)
    await file_verified(database, parties, as_of, [NUMBER])
    (signal,) = await read_signals(database, parties.provider, as_of)
    hashes = {}
    for provider in (parties.provider, other):
        rows = await select(database, provider, as_of, "SELECT member_id, key_id, hash FROM signal_recipients")
        assert {str(row["member_id"]) for row in rows} == {provider.member_id}
        async with database.reading(provider, as_of=as_of) as tx:
            (hashes[provider.member_id],) = (await load_signal_hashes(tx, [signal.id]))[signal.id]
    mine, theirs = hashes[parties.provider.member_id], hashes[other.member_id]
    assert mine.hash != theirs.hash
    assert await read_signals(database, parties.provider, as_of, hashes=(theirs.hash,)) == []
    assert len(await read_signals(database, parties.provider, as_of, hashes=(mine.hash,))) == 1


async def test_a_provider_reads_a_key_out_of_the_table(database, parties, as_of, other):
    for viewer in (other, parties.officer, parties.regulator):
        with pytest.raises(DBAPIError, match="permission denied"):
            await select(database, viewer, as_of, "SELECT key_sealed FROM signal_keys")


async def test_a_provider_that_left_goes_on_reading(database, parties, as_of, other):
    taken = await take_part(database, parties, as_of)
    await file_verified(database, parties, as_of, [NUMBER])
    (signal,) = await read_signals(database, parties.provider, as_of)
    await leave(database, parties, as_of, taken)
    with pytest.raises(ParticipationMissingError):
        await read_signals(database, parties.provider, as_of)
    async with database.reading(parties.provider, as_of=as_of) as tx:
        assert await load_by_id(tx, [signal.id]) == {}
        assert await load_clear_numbers(tx, [signal.id]) == {}
    for table in ("fraud_signals", "signal_recipients", "signal_disclosures"):
        assert await select(database, parties.provider, as_of, f"SELECT 1 FROM {table}") == []
    told = await select(database, parties.provider, as_of, "SELECT DISTINCT subject FROM events")
    assert "FRAUD_SIGNAL" not in {row["subject"] for row in told}
    assert len(await select(database, other, as_of, "SELECT 1 FROM events WHERE subject = 'FRAUD_SIGNAL'")) == 1


async def test_a_provider_that_never_took_part_guesses_ids(database, parties, as_of, other):
    await file_verified(database, parties, as_of, [NUMBER])
    (signal,) = await read_signals(database, other, as_of)
    async with database.reading(parties.provider, as_of=as_of) as tx:
        assert await load_by_id(tx, [signal.id]) == {}
        assert await load_signal_hashes(tx, [signal.id]) == {signal.id: []}


async def test_a_hashed_provider_gets_the_number_by_any_column(database, parties, as_of, other):
    await take_part(database, parties, as_of)
    await file_verified(database, parties, as_of, [NUMBER])
    for column in ("e164", "epoch", "score", "holder_id", "brand_id", "revoked_by", "revocation_note"):
        with pytest.raises(DBAPIError, match="permission denied"):
            await select(database, parties.provider, as_of, f"SELECT {column} FROM fraud_signals")
    assert await select(database, parties.provider, as_of, "SELECT e164 FROM signal_disclosures") == []
    assert [row["e164"] for row in await select(database, other, as_of, "SELECT e164 FROM signal_disclosures")] == [
        NUMBER
    ]
    said = await select(database, parties.provider, as_of, "SELECT subject_id, payload FROM events")
    (signal,) = await read_signals(database, parties.provider, as_of)
    shown = json.dumps([dict(row) for row in said], default=str) + repr(signal)
    assert NUMBER.removeprefix("+62") not in shown
    assert await read_signals(database, parties.provider, as_of, e164s=(NUMBER,)) == []


async def test_a_carrier_reads_another_range(database, parties, as_of):
    await file_verified(database, parties, as_of, [INDOSAT_NUMBER])
    (signal,) = await read_signals(database, parties.indosat, as_of)
    assert await read_signals(database, parties.telkomsel, as_of) == []
    assert await read_signals(database, parties.telkomsel, as_of, e164s=(INDOSAT_NUMBER,)) == []
    async with database.reading(parties.telkomsel, as_of=as_of) as tx:
        assert await load_by_id(tx, [signal.id]) == {}
    assert await select(database, parties.telkomsel, as_of, "SELECT 1 FROM fraud_signals") == []
    assert await select(database, parties.telkomsel, as_of, "SELECT 1 FROM events WHERE subject = 'FRAUD_SIGNAL'") == []
    for column in ("score", "revoked_by", "revocation_note"):
        with pytest.raises(DBAPIError, match="permission denied"):
            await select(database, parties.indosat, as_of, f"SELECT {column} FROM fraud_signals")


async def test_a_brands_client_reads_another_brands_signals_by_its_events(database, parties, as_of):
    await file_verified(database, parties, as_of, ["+6281700000001", "+6283100000001"])
    for brand in ("xl", "axis"):
        narrowed = replace(parties.xlsmart, brand_id=parties.brands[brand])
        found = await select(database, narrowed, as_of, "SELECT 1 FROM events WHERE subject = 'FRAUD_SIGNAL'")
        assert len(found) == 1


async def test_an_agency_reads_signals(database, parties, as_of):
    await file_verified(database, parties, as_of, [NUMBER])
    async with database.reading(parties.agency, as_of=as_of) as tx:
        assert await load_by_id(tx, ["01900000-0000-7000-8000-000000000000"]) == {}
    for table in ("fraud_signals", "signal_recipients", "signal_disclosures", "signal_keys", "participations"):
        with pytest.raises(DBAPIError, match="permission denied"):
            await select(database, parties.agency, as_of, f"SELECT 1 FROM {table}")


async def test_anybody_learns_who_contributed(database, parties, as_of, other, owner_connection):
    """The contributor's id, its client, its reference and its audience stand in nothing that another may read."""
    await take_part(database, parties, as_of)
    await complain(database, parties, as_of, NUMBER)
    contributor = parties.indosat
    await contribute(database, contributor, as_of, NUMBER, reference="CASE-OF-INDOSAT")
    (signal,) = await read_signals(database, parties.telkomsel, as_of)
    assert signal.corroboration_count == 1
    for viewer in (parties.provider, other, parties.telkomsel, parties.xlsmart, parties.agency, parties.other_agency):
        assert await select(database, viewer, as_of, "SELECT 1 FROM signal_contributions") == []
        seen = await select(database, viewer, as_of, "SELECT kind, subject, subject_id, state, payload FROM events")
        assert "SIGNAL_CONTRIBUTED" not in {row["kind"] for row in seen}
        shown = json.dumps([dict(row) for row in seen], default=str)
        for secret in (contributor.member_id, contributor.client_id, "CASE-OF-INDOSAT"):
            assert secret not in shown
        for column in ("actor_member_id", "actor_client_id", "audience", "brand_id"):
            with pytest.raises(DBAPIError, match="permission denied"):
                await select(database, viewer, as_of, f"SELECT {column} FROM events")
        async with database.reading(viewer, as_of=as_of) as tx:
            assert await load_signal_contributors(tx, [signal.id]) == {signal.id: []}
            assert await load_signal_recipients(tx, [signal.id]) == {signal.id: []}
    (corroborated,) = await read_events(owner_connection, EventKind.SIGNAL_CORROBORATED)
    assert [corroborated[name] for name in ("actor_member_id", "actor_officer_id", "actor_client_id")] == [None] * 3
    (contributed,) = await read_events(owner_connection, EventKind.SIGNAL_CONTRIBUTED)
    assert contributed["audience"] == [contributor.member_id]
    async with database.reading(parties.officer, as_of=as_of) as tx:
        (who,) = (await load_signal_contributors(tx, [signal.id]))[signal.id]
        sent = (await load_signal_recipients(tx, [signal.id]))[signal.id]
    assert (who.member_id, who.contribution_count) == (contributor.member_id, 1)
    assert {item.member_id: item.number_disclosed_at for item in sent} == {
        parties.provider.member_id: None, other.member_id: as_of,
    }  # fmt: skip


async def test_a_complainant_enters_a_table_or_an_event_of_signals(database, parties, as_of, owner_connection, other):
    person = ComplainantDraft(name="Siti Rahayu", identity_number="3171010101019999", phone="+628110000999")
    await file_verified(
        database, parties, as_of, [NUMBER], complainant=person, chronology="Saya ditelepon.", category=Category.FRAUD
    )
    await contribute(database, parties.agency, as_of, NUMBER)
    references = await owner_connection.fetch("SELECT complainant_ref, id::text FROM complaints")
    secrets = ["Siti", "3171010101019999", "8110000999", "ditelepon"]
    secrets += [value for row in references for value in row.values() if value]
    for table in (
        "fraud_signals", "signal_recipients", "signal_disclosures", "signal_contributions", "participations",
    ):  # fmt: skip
        rows = await owner_connection.fetch(f"SELECT row_to_json(t)::text AS row FROM {table} t")
        shown = " ".join(row["row"] for row in rows)
        assert not [secret for secret in secrets if secret in shown], table
    said = json.dumps(await read_events(owner_connection), default=str)
    assert not [secret for secret in secrets if secret in said]
