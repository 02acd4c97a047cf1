"""The keys for hashing numbers: each belongs to one provider, is sealed at rest, and is shown only to that provider.

Whoever holds a key can try every possible number, so a hash hides nothing from its provider; it prevents two
providers, or anyone who reads the database, from comparing numbers. At most two keys are in use: rotating keeps the
older one for the overlap, and rotating again retires it immediately. Signals are hashed in ledger/signals, which also
fills new keys; nothing here depends on signals. Source: docs/adr/0061.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, update

from ledger.errors import ConflictError, ForbiddenError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, SignalKeyId, new_id, parse_id
from ledger.participations.table import SignalKey, in_use, signal_keys
from ledger.participations.taking_part import (
    ParticipationMissingError,
    change_participations,
    find_in_force,
    require_participation,
)
from ledger.permissions import require_kind
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import find_record, insert_records, select_records
from ledger.viewer import ViewerKind

KEY_BYTES = 32
ROTATED_AGAIN_AFTER = timedelta(hours=1)
"""Each new key means hashing every signal again; a client in a loop must not cause that endlessly."""

Fill = Callable[[Transaction, MemberId, int], Awaitable[object]]
"""Hashes active signals under a provider's unfilled keys, in at most the given number of batches.

It is ledger.signals.filling.fill_keys. Callers that start or change a participation, or rotate a key, pass it in,
since signals depend on participations and not the other way round.
"""


class KeyRotatedLatelyError(ConflictError):
    """The newest key is less than an hour old."""

    code = "KEY_ROTATED_LATELY"
    hint = "Use the newest key; fetch it with signalKeys."


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OpenKey(SignalKey):
    """A key in use with its bytes, which only its provider may read."""

    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedKey:
    """A new key, without its bytes, and the previous one with the end of its overlap."""

    id: SignalKeyId
    member_id: MemberId
    created_at: datetime
    previous_id: SignalKeyId | None
    previous_retired_at: datetime | None


async def list_signal_keys(tx: Transaction) -> list[OpenKey]:
    """Return the provider's own keys in use, newest first. Errors: ForbiddenError, ParticipationMissingError."""
    require_kind(tx.viewer, {ViewerKind.OTT_PROVIDER})
    await require_participation(tx)
    c = signal_keys.c
    async with tx.role(Role.TRANSITION):
        statement = select_records(tx, SignalKey).add_columns(c.key_sealed)
        statement = statement.where(c.member_id == tx.viewer.member_id, in_use(c))
        rows = await tx.execute(statement.order_by(c.created_at.desc(), c.id.desc()), {"as_of": tx.as_of})
    return [_open(tx, row) for row in rows.mappings()]


def _open(tx: Transaction, row: Mapping[Any, Any]) -> OpenKey:
    values = dict(row)
    return OpenKey(key=open_key(tx, values["id"], values.pop("key_sealed")), **values)


async def rotate_signal_key(tx: Transaction, *, member_id: str | None = None, fill: Fill) -> RotatedKey:
    """Make a provider's next key: the viewer's own or, for the regulator, the given member's.

    Errors: ForbiddenError, UnknownError, ParticipationMissingError, KeyRotatedLatelyError.
    """
    owner = _find_owner(tx, member_id)
    c = signal_keys.c
    async with tx.role(Role.TRANSITION):
        await change_participations(tx)
        participation = await find_in_force(tx, owner)
        if participation is None:
            raise ParticipationMissingError
        newest = await find_record(tx, SignalKey, c.member_id == owner, c.retired_at.is_(None))
        if newest is not None and tx.as_of - newest.created_at < ROTATED_AGAIN_AFTER:
            raise KeyRotatedLatelyError
        until = tx.as_of + timedelta(days=tx.policies.signal_key_overlap_days)
        await retire_keys(tx, [owner], newest_until=until)
        (made,) = await make_keys(tx, [owner])
        await fill(tx, owner, 1)
        changed = EventDraft(
            kind=EventKind.PARTICIPATION_CHANGED,
            subject=Subject.PARTICIPATION,
            subject_id=participation.id,
            audience=[owner],
            payload={"signalKeyId": made.id},
        )
        await append_events(tx, [changed])
    return RotatedKey(
        id=made.id,
        member_id=owner,
        created_at=made.created_at,
        previous_id=newest.id if newest else None,
        previous_retired_at=until if newest else None,
    )


def _find_owner(tx: Transaction, member_id: str | None) -> MemberId:
    if tx.viewer.kind is ViewerKind.REGULATOR:
        known = parse_id(member_id or "")
        if known is None:
            raise UnknownError(field="memberId")
        return MemberId(known)
    if tx.viewer.kind is not ViewerKind.OTT_PROVIDER or tx.viewer.member_id is None:
        raise ForbiddenError
    if member_id is not None and parse_id(member_id) != tx.viewer.member_id:
        raise UnknownError(field="memberId")
    return tx.viewer.member_id


def open_key(tx: Transaction, key_id: SignalKeyId, sealed: bytes) -> bytes:
    """Return the bytes of a key. Errors: EncryptionKeyError."""
    return tx.keyring.open(bytes(sealed), _context(key_id))


def _context(key_id: SignalKeyId) -> str:
    """What a sealed key is bound to."""
    return f"signal_keys.key:{key_id}"


async def make_keys(tx: Transaction, member_ids: Sequence[MemberId]) -> list[SignalKey]:
    """Make a key for each member; every earlier one must be retired. Runs under the transition role."""
    made = [SignalKey(id=SignalKeyId(new_id()), member_id=member_id, created_at=tx.as_of) for member_id in member_ids]
    sealed = [{"key_sealed": tx.keyring.seal(secrets.token_bytes(KEY_BYTES), _context(key.id))} for key in made]
    await insert_records(tx, made, more=sealed)
    return made


async def retire_keys(tx: Transaction, member_ids: Sequence[MemberId], *, newest_until: datetime | None = None) -> None:
    """Retire every key of these members: the newest at the given time, all others now. Runs as make_keys does."""
    c = signal_keys.c
    retired_at = case((c.retired_at.is_(None), newest_until or tx.as_of), else_=tx.as_of)
    await _update_in_use(tx, member_ids, retired_at=retired_at)


async def refill_keys(tx: Transaction, member_ids: Sequence[MemberId]) -> None:
    """Mark the keys of these members, whose terms changed, to be filled again. Runs as make_keys does."""
    await _update_in_use(tx, member_ids, filled_after=None, filled_at=None)


async def _update_in_use(tx: Transaction, member_ids: Sequence[MemberId], **values: Any) -> None:
    c = signal_keys.c
    statement = update(signal_keys).where(c.member_id.in_(member_ids), in_use(c))
    await tx.execute(statement.values(**values), {"as_of": tx.as_of})
