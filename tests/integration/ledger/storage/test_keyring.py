"""Wrong keys are refused at startup, before anything is written with them."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from ledger.errors import EncryptionKeyError, ReferenceKeyError
from ledger.storage.database import Database
from ledger.storage.metadata import metadata
from ledger.storage.rekeying import check_keyring, rotate_keys
from ledger.storage.sealing import Keyring


def other_keyring() -> Keyring:
    return Keyring.from_text(*Keyring.generate_text())


def with_keyring(database: Database, keyring: Keyring) -> Database:
    return Database(database.engine, database.settings, keyring)


class TestTheReferenceKey:
    async def test_that_was_generated_a_second_time_is_refused(self, database: Database, as_of: datetime) -> None:
        """With another one, the same person would be two complainants from then on."""
        await check_keyring(database, as_of=as_of)
        wrong = replace(database.keyring, reference_key=other_keyring().reference_key)
        with pytest.raises(ReferenceKeyError) as refusal:
            await check_keyring(with_keyring(database, wrong), as_of=as_of)
        assert "JEMBATAN_REFERENCE_KEY" in (refusal.value.hint or "")
        await check_keyring(database, as_of=as_of)

    async def test_is_still_checked_after_the_encryption_keys_were_rotated(
        self, database: Database, as_of: datetime
    ) -> None:
        await check_keyring(database, as_of=as_of)
        new = other_keyring()
        both = replace(new, keys={**new.keys, **database.keyring.keys}, reference_key=database.keyring.reference_key)
        await check_keyring(with_keyring(database, both), as_of=as_of)
        await rotate_keys(with_keyring(database, both), as_of=as_of, tables=metadata.sorted_tables)
        await check_keyring(with_keyring(database, replace(both, keys=dict(new.keys))), as_of=as_of)
        with pytest.raises(ReferenceKeyError):
            await check_keyring(with_keyring(database, new), as_of=as_of)

    async def test_of_only_one_of_two_first_starts_is_kept(self, database: Database, as_of: datetime) -> None:
        starts = [replace(database.keyring, reference_key=other_keyring().reference_key) for _ in range(4)]
        ended = await asyncio.gather(
            *(check_keyring(with_keyring(database, each), as_of=as_of) for each in starts), return_exceptions=True
        )
        assert sorted(type(each).__name__ for each in ended) == ["NoneType", *["ReferenceKeyError"] * 3]


class TestAnEncryptionKey:
    async def test_that_is_missing_is_refused(self, database: Database, as_of: datetime) -> None:
        await check_keyring(database, as_of=as_of)
        wrong = replace(other_keyring(), reference_key=database.keyring.reference_key)
        with pytest.raises(EncryptionKeyError):
            await check_keyring(with_keyring(database, wrong), as_of=as_of)
