"""Restores from a backup, which the operator announces in the log, so that clients and verifiers know what happened.

An announcement makes no history good: it says which entries are lost. Everyone may read that; the reason and the
operator's name are the regulator's. It must never be made by anyone but the operator.
Source: ADR 0098.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from ledger.errors import ForbiddenError, InvalidInputError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.feed.witness_table import LogRestoration
from ledger.identifiers import LogRestorationId, MemberId, Position, new_id
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import insert_records
from ledger.texts import check_text
from ledger.viewer import ViewerKind

REASON_CHARACTERS_MAX = 2_000
LISTED_MAX = 100
_NAME_CHARACTERS_MAX = 200

_SIZE = text("SELECT size FROM feed_head WHERE id = 1")
_MEMBERS = text("SELECT id FROM members ORDER BY id")
# The entry is missing for a client that is narrowed to a brand, since it doesn't receive the announcement.
_SELECT = """
SELECT r.restored_to, r.announced_at, a.position, l.leaf_hash AS last_hash
FROM log_restorations r
LEFT JOIN events e ON e.subject_id = r.id::text AND e.kind = 'LOG_RESTORED'
LEFT JOIN feed a ON a.event_id = e.id
LEFT JOIN feed l ON l.position = r.restored_to
"""
_FIND = text(f"{_SELECT} WHERE r.restored_to < :position ORDER BY r.restored_to, r.announced_at LIMIT 1")
_LIST = text(f"{_SELECT} ORDER BY r.announced_at, r.id LIMIT {LISTED_MAX}")


class RestorePositionError(InvalidInputError):
    """The log has no such position; a backup can't have ended after the log's own end."""

    code = "RESTORE_POSITION_INVALID"
    hint = "Pass the size that the log had right after the restore, or nothing, before any process writes to it."


class RestoreReasonError(InvalidInputError):
    """An announcement requires a reason."""

    code = "RESTORE_REASON_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostHistory:
    """What was lost to a restore: all after restored_to. announced_in is the entry that announces it, if visible."""

    restored_to: Position
    restored_hash: bytes | None
    announced_at: datetime
    announced_in: Position | None


async def announce_restore(
    tx: Transaction, *, reason: str, operator_name: str, restored_to: int | None = None
) -> LogRestoration:
    """Announce that the log was restored from a backup that ended with restored_to, by default the present last entry.

    Every member receives the entry. Errors: ForbiddenError, RestoreReasonError, RestorePositionError,
    TextInvalidError, TextTooLongError.
    """
    if tx.viewer.kind is not ViewerKind.OPERATOR:
        raise ForbiddenError
    given = check_text(reason, field="reason", length_max=REASON_CHARACTERS_MAX, lines=True)
    if not given:
        raise RestoreReasonError(field="reason")
    async with tx.role(Role.ARCHIVE):
        size = int((await tx.execute(_SIZE)).scalar_one())
    if restored_to is not None and not 0 <= restored_to <= size:
        raise RestorePositionError(f"The log has {size} entries.", field="position")
    restoration = LogRestoration(
        id=LogRestorationId(new_id()),
        restored_to=size if restored_to is None else restored_to,
        reason=given,
        operator_name=check_text(operator_name, field="operator", length_max=_NAME_CHARACTERS_MAX),
        announced_at=tx.as_of,
    )
    async with tx.role(Role.TRANSITION):
        members = [MemberId(row.id) for row in await tx.execute(_MEMBERS)]
        await insert_records(tx, [restoration])
    event = EventDraft(
        kind=EventKind.LOG_RESTORED,
        subject=Subject.FEED,
        subject_id=restoration.id,
        audience=members,
        payload={"restorationId": restoration.id, "restoredTo": restoration.restored_to},
    )
    await append_events(tx, [event])
    return restoration


async def list_lost_histories(tx: Transaction) -> list[LostHistory]:
    """What each announced restore took, oldest announcement first, for any viewer."""
    return [_read(row) for row in await tx.execute(_LIST)]


async def find_lost_history(tx: Transaction, position: int) -> LostHistory | None:
    """What a restore took from a reader that had reached the position, for any viewer; None if no restore explains it.

    After several restores it is the one that lost the most.
    """
    row = (await tx.execute(_FIND, {"position": position})).one_or_none()
    return _read(row) if row is not None else None


def _read(row: Any) -> LostHistory:
    return LostHistory(
        restored_to=Position(row.restored_to),
        restored_hash=row.last_hash,
        announced_at=row.announced_at,
        announced_in=Position(row.position) if row.position is not None else None,
    )
