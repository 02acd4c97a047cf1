"""The keyring and the database: detecting a wrong key at startup, and re-encrypting under a new one.

Rotation works in batches by primary key, each in its own transaction, and may be interrupted and restarted: values
that are already sealed under the current key are skipped. After `rotate_keys` has returned, every other key can be
removed from the settings.
"""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, LargeBinary, Table, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from ledger.errors import EncryptionKeyError, ReferenceKeyError
from ledger.storage.database import Database, Transaction
from ledger.storage.keyring_table import keyring_checks
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring, sealed_key_id

_KNOWN_VALUE = b"jembatan"
_REFERENCE = "#reference"
"""The row of the reference key among the checks; no encryption key can have this id."""
_BATCH_ROWS = 500
_BATCH_BYTES = 16 << 20
"""How much of sealed values is held at once; a single value may be larger."""

_APPEND_CHECK = text("""
INSERT INTO keyring_checks (key_id, sealed, recorded_at) VALUES (:key_id, :sealed, :recorded_at)
ON CONFLICT (key_id) DO NOTHING
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """A column of sealed values and the table's primary key; the context of a value is `table.column:row id`."""

    table: Table
    key: Column[str]
    column: Column[bytes]

    @property
    def name(self) -> str:
        """The column's name, qualified with its table's."""
        return f"{self.table.name}.{self.column.name}"

    def context(self, row_id: str) -> str:
        """The context that a value in this row is bound to."""
        return f"{self.name.removesuffix('_sealed')}:{row_id}"


def list_sealed_columns(tables: Iterable[Table]) -> list[SealedColumn]:
    """The columns that the JOBS role may update: it may update rows only to re-encrypt them."""
    found = []
    for table in tables:
        for rule in table.info["access"]:
            if rule.role is Role.JOBS and rule.update:
                (key, *_) = table.primary_key.columns
                found += [SealedColumn(table=table, key=key, column=table.c[name]) for name in rule.update]
    return found


async def check_keyring(database: Database, *, as_of: datetime) -> None:
    """Check that the configured keys can decrypt the data in this database, and record a new current key.

    Errors: EncryptionKeyError if an encryption key that the database was written with is missing or differs;
    ReferenceKeyError if the reference key differs.
    """
    keyring = database.keyring
    async with database.system(Role.JOBS, as_of=as_of) as tx:
        known = {row.key_id: bytes(row.sealed) for row in await tx.execute(select(keyring_checks))}
        key_id = keyring.current_key_id
        missing = {
            _REFERENCE: keyring.reference(_KNOWN_VALUE.decode()).encode(),
            key_id: keyring.seal(_KNOWN_VALUE, _check_context(key_id)),
        }
        for name, value in missing.items():
            if name not in known:
                await tx.execute(_APPEND_CHECK, {"key_id": name, "sealed": value, "recorded_at": as_of})
        # Read again, because a process that started at the same moment may have been first, with other keys.
        known = {row.key_id: bytes(row.sealed) for row in await tx.execute(select(keyring_checks))}
        _check_known(keyring, known)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStanding:
    """An encryption key that something in the database may be sealed under. Only the current one seals."""

    key_id: str
    first_used_at: datetime
    is_current: bool


async def list_key_standings(tx: Transaction) -> list[KeyStanding]:
    """Return the encryption keys in use, newest first, in one statement. Runs under the JOBS role."""
    c = keyring_checks.c
    statement = select(c.key_id, c.recorded_at).where(c.key_id != _REFERENCE).order_by(c.recorded_at.desc(), c.key_id)
    return [
        KeyStanding(
            key_id=row.key_id, first_used_at=row.recorded_at, is_current=row.key_id == tx.keyring.current_key_id
        )
        for row in await tx.execute(statement)
    ]


async def is_keyring_known(database: Database, *, as_of: datetime) -> bool:
    """Whether the database was written with the configured keys before; as check_keyring, but records nothing.

    Errors: EncryptionKeyError, ReferenceKeyError.
    """
    keyring = database.keyring
    async with database.snapshot(Role.JOBS, as_of=as_of) as tx:
        known = {row.key_id: bytes(row.sealed) for row in await tx.execute(select(keyring_checks))}
    if _REFERENCE not in known:
        return False
    is_current_known = keyring.current_key_id in known
    _check_known(keyring, known)
    return is_current_known


def _check_known(keyring: Keyring, known: dict[str, bytes]) -> None:
    known_reference = known.pop(_REFERENCE)
    for key_id, sealed in known.items():
        if keyring.open(sealed, _check_context(key_id)) != _KNOWN_VALUE:
            raise EncryptionKeyError
    if not hmac.compare_digest(known_reference, keyring.reference(_KNOWN_VALUE.decode()).encode()):
        raise ReferenceKeyError


def _check_context(key_id: str) -> str:
    return f"keyring_checks.sealed:{key_id}"


async def rotate_keys(
    database: Database,
    *,
    as_of: datetime,
    tables: Iterable[Table],
    note: Callable[[str, int], None] = lambda _column, _rows: None,
) -> dict[str, int]:
    """Seal every value of the tables under the current key, and delete the checks of keys that are no longer needed.

    Returns how many values of each column were re-encrypted. note is called after each batch with the column's name
    and the number of rows examined. Errors: EncryptionKeyError; batches before it stay re-encrypted.
    """
    sealed_anew: dict[str, int] = {}
    for sealed in list_sealed_columns(tables):
        sealed_anew[sealed.name] = 0
        last: str | None = None
        while True:
            async with database.system(Role.JOBS, as_of=as_of) as tx:
                looked_at, rotated, last = await _rotate_batch(tx, sealed, after=last)
            sealed_anew[sealed.name] += rotated
            note(sealed.name, looked_at)
            if not looked_at:
                break
    async with database.system(Role.JOBS, as_of=as_of) as tx:
        kept = (database.keyring.current_key_id, _REFERENCE)
        await tx.execute(keyring_checks.delete().where(keyring_checks.c.key_id.not_in(kept)))
    return sealed_anew


async def _rotate_batch(tx: Transaction, sealed: SealedColumn, *, after: str | None) -> tuple[int, int, str | None]:
    """Rotate one batch; returns the rows examined, the values re-encrypted, and the last primary key."""
    key, column = sealed.key, sealed.column
    size = func.octet_length(column)
    before = (func.sum(size).over(order_by=key) - size).label("before")
    listed = select(key.label("key"), before).where(size > 0).order_by(key).limit(_BATCH_ROWS)
    if after is not None:
        listed = listed.where(key > after)
    batch = listed.subquery()
    statement = (
        select(key, column)
        .join(batch, batch.c.key == key)
        .where(batch.c.before < _BATCH_BYTES)
        .order_by(key)
        .with_for_update(of=sealed.table)
    )
    found = (await tx.execute(statement)).mappings()
    rows = [(str(row[sealed.key.name]), bytes(row[sealed.column.name])) for row in found]
    old = [(row_id, value) for row_id, value in rows if sealed_key_id(value) != tx.keyring.current_key_id]
    if old:
        fresh = [
            tx.keyring.seal(tx.keyring.open(value, sealed.context(row)), sealed.context(row)) for row, value in old
        ]
        table, name, sealed_name = sealed.table.name, sealed.key.name, sealed.column.name
        update = text(
            f"UPDATE {table} t SET {sealed_name} = r.value "
            f"FROM unnest(:ids, :values) AS r(id, value) WHERE t.{name} = r.id"
        ).bindparams(bindparam("ids", type_=ARRAY(sealed.key.type)), bindparam("values", type_=ARRAY(LargeBinary)))
        await tx.execute(update, {"ids": [row_id for row_id, _ in old], "values": fresh})
    return len(rows), len(old), rows[-1][0] if rows else None
