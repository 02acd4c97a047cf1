"""The keys that numbers are hashed with: one provider's own, sealed at rest, and shown to that provider alone.

Whoever holds a key can try every number there is, so a hash hides nothing from its provider; it keeps two providers,
and whoever reads the database, from comparing numbers. At most two keys are in use: rotating leaves the older one for
the overlap, and rotating again ends it at once. A key that is new is filled with the signals of now in batches.
Source: docs/adr/0061.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import text

from ledger.errors import ConflictError, ForbiddenError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, SignalKeyId, new_id, parse_id
from ledger.participations.taking_part import ParticipationMissingError, change_participations, require_participation
from ledger.permissions import require_kind
from ledger.signals.disclosure import find_recipients, key_context, send_signals
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import ViewerKind

KEY_BYTES = 32
ROTATED_AGAIN_AFTER = timedelta(hours=1)
"""Each new key hashes every signal anew; a client in a loop must not make that without end."""
_FILL_ROWS = 1_000
_FILL_BATCHES = 10


class KeyRotatedLatelyError(ConflictError):
    """The key was made less than an hour ago."""

    code = "KEY_ROTATED_LATELY"
    hint = "The newest key is good already; fetch it with signalKeys."


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignalKey:
    """A key in use, as its provider alone may read it.

    retired_at, where it is set, is when it makes no more hashes; filled_at is since when every signal has its hash.
    """

    id: SignalKeyId
    key: bytes
    created_at: datetime
    retired_at: datetime | None
    filled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedKey:
    """A key that was just made, without its bytes, and the one before with the end of its overlap."""

    id: SignalKeyId
    member_id: MemberId
    created_at: datetime
    previous_id: SignalKeyId | None
    previous_retired_at: datetime | None


_LIST_LIVE = text("""
SELECT id, key_sealed, created_at, retired_at, filled_at FROM signal_keys
WHERE member_id = CAST(:member_id AS uuid) AND (retired_at IS NULL OR retired_at > CAST(:as_of AS timestamptz))
ORDER BY created_at DESC, id DESC
""")

_FIND_STANDING = text("""
SELECT p.id AS participation_id, k.id AS key_id, k.created_at
FROM participations p LEFT JOIN signal_keys k ON k.member_id = p.member_id AND k.retired_at IS NULL
WHERE p.member_id = CAST(:member_id AS uuid) AND p.began_at IS NOT NULL AND p.ended_at IS NULL
""")

_RETIRE = text("""
UPDATE signal_keys SET retired_at = CASE WHEN retired_at IS NULL THEN CAST(:newest_until AS timestamptz) ELSE :as_of END
WHERE member_id = ANY(CAST(:member_ids AS uuid[])) AND (retired_at IS NULL OR retired_at > :as_of)
""")

_APPEND = text("""
INSERT INTO signal_keys (id, member_id, key_sealed, created_at)
SELECT r.id, r.member_id, decode(r.key_sealed, 'hex'), :as_of
FROM json_to_recordset(CAST(:rows AS json)) AS r(id uuid, member_id uuid, key_sealed text)
""")

_REFILL = text("""
UPDATE signal_keys SET filled_after = NULL, filled_at = NULL
WHERE member_id = ANY(CAST(:member_ids AS uuid[])) AND (retired_at IS NULL OR retired_at > :as_of)
""")

_FIND_UNFILLED = text("""
SELECT k.id, k.filled_after, p.categories
FROM signal_keys k
JOIN participations p ON p.member_id = k.member_id AND p.began_at IS NOT NULL AND p.ended_at IS NULL
WHERE k.filled_at IS NULL AND (k.retired_at IS NULL OR k.retired_at > :as_of)
  AND (CAST(:member_ids AS uuid[]) IS NULL OR k.member_id = ANY(CAST(:member_ids AS uuid[])))
ORDER BY k.id LIMIT :rows FOR UPDATE OF k SKIP LOCKED
""")

# Shared locks: a signal that is just being revoked is waited for, and is then no longer active.
_FIND_ACTIVE = text("""
SELECT id, e164, category FROM fraud_signals
WHERE state = 'ACTIVE' AND category = ANY(CAST(:categories AS text[]))
  AND (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid))
ORDER BY id LIMIT :rows FOR SHARE
""")

_NOTE_FILLED = text("""
UPDATE signal_keys SET filled_after = coalesce(CAST(:after AS uuid), filled_after), filled_at = :filled_at
WHERE id = CAST(:key_id AS uuid)
""")


async def list_signal_keys(tx: Transaction) -> list[SignalKey]:
    """The provider's own keys in use, the newest first. Errors: ForbiddenError, ParticipationMissingError."""
    require_kind(tx.viewer, {ViewerKind.OTT_PROVIDER})
    await require_participation(tx)
    async with tx.role(Role.TRANSITION):
        found = await tx.execute(_LIST_LIVE, {"member_id": tx.viewer.member_id, "as_of": tx.as_of})
        rows = found.mappings().all()
    return [
        SignalKey(
            id=SignalKeyId(str(row["id"])),
            key=tx.keyring.open(bytes(row["key_sealed"]), key_context(str(row["id"]))),
            created_at=row["created_at"],
            retired_at=row["retired_at"],
            filled_at=row["filled_at"],
        )
        for row in rows
    ]


async def rotate_signal_key(tx: Transaction, *, member_id: str | None = None) -> RotatedKey:
    """Make a provider's next key: its own, or, for the regulator, the one of the given member.

    Errors: ForbiddenError, UnknownError, ParticipationMissingError, KeyRotatedLatelyError.
    """
    owner = _find_owner(tx, member_id)
    async with tx.role(Role.TRANSITION):
        await change_participations(tx)
        row = (await tx.execute(_FIND_STANDING, {"member_id": owner})).mappings().one_or_none()
        if row is None:
            raise ParticipationMissingError
        if row["created_at"] is not None and tx.as_of - row["created_at"] < ROTATED_AGAIN_AFTER:
            raise KeyRotatedLatelyError
        until = tx.as_of + timedelta(days=tx.policies.signal_key_overlap_days)
        await tx.execute(_RETIRE, {"member_ids": [owner], "newest_until": until, "as_of": tx.as_of})
        (made,) = await make_keys(tx, [owner])
        await fill_keys(tx, member_ids=[owner], batches=1)
        previous = None if row["key_id"] is None else SignalKeyId(str(row["key_id"]))
        changed = EventDraft(
            kind=EventKind.PARTICIPATION_CHANGED,
            subject=Subject.PARTICIPATION,
            subject_id=str(row["participation_id"]),
            audience=[owner],
            payload={"signalKeyId": made},
        )
        await append_events(tx, [changed])
    return RotatedKey(
        id=made,
        member_id=owner,
        created_at=tx.as_of,
        previous_id=previous,
        previous_retired_at=until if previous else None,
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


async def make_keys(tx: Transaction, member_ids: Sequence[MemberId]) -> list[SignalKeyId]:
    """A fresh key for each member, which has none that is not retired. Runs under the transition role."""
    made = [(new_id(), member_id) for member_id in member_ids]
    rows = [
        {
            "id": key_id,
            "member_id": member_id,
            "key_sealed": tx.keyring.seal(secrets.token_bytes(KEY_BYTES), key_context(key_id)).hex(),
        }
        for key_id, member_id in made
    ]
    await tx.execute(_APPEND, {"rows": orjson.dumps(rows).decode(), "as_of": tx.as_of})
    return [SignalKeyId(key_id) for key_id, _ in made]


async def retire_keys(tx: Transaction, member_ids: Sequence[MemberId]) -> None:
    """End every key of members that left. Runs under the transition role."""
    await tx.execute(_RETIRE, {"member_ids": [*member_ids], "newest_until": tx.as_of, "as_of": tx.as_of})


async def refill_keys(tx: Transaction, member_ids: Sequence[MemberId]) -> None:
    """Hash the signals of now once more for these members, whose terms changed. Runs under the transition role."""
    await tx.execute(_REFILL, {"member_ids": [*member_ids], "as_of": tx.as_of})


async def fill_keys(
    tx: Transaction, *, member_ids: Sequence[MemberId] | None = None, batches: int = _FILL_BATCHES
) -> int:
    """Send signals that are active to keys that are new, so many batches of 1,000; answers how many signals.

    Where a batch ends is kept with the key, so that it goes on from there. Runs under the transition role.
    """
    wanted = {"member_ids": None if member_ids is None else [*member_ids], "as_of": tx.as_of, "rows": batches}
    unfilled = [dict(row) for row in (await tx.execute(_FIND_UNFILLED, wanted)).mappings()]
    recipients = {item.key_id: item for item in await find_recipients(tx, key_ids=[str(row["id"]) for row in unfilled])}
    sent = 0
    for _ in range(batches):
        if not unfilled:
            break
        key = unfilled[0]
        asked = {"categories": key["categories"], "after": key["filled_after"], "rows": _FILL_ROWS}
        signals = [dict(row) | {"id": str(row["id"])} for row in (await tx.execute(_FIND_ACTIVE, asked)).mappings()]
        await send_signals(tx, signals, [recipients[SignalKeyId(str(key["id"]))]])
        key["filled_after"] = signals[-1]["id"] if signals else key["filled_after"]
        is_full = len(signals) < _FILL_ROWS
        noted = {"key_id": key["id"], "after": key["filled_after"], "filled_at": tx.as_of if is_full else None}
        await tx.execute(_NOTE_FILLED, noted)
        sent += len(signals)
        if is_full:
            unfilled.pop(0)
    return sent


async def fill_signal_keys(tx: Transaction) -> int:
    """The job: go on filling keys that are new; answers how many signals were sent, at most 10,000."""
    async with tx.role(Role.TRANSITION):
        return await fill_keys(tx)
