"""Revocations and their recipients: each provider that was sent a signal is asked to confirm that it was revoked.

What a signal led to has to be undone wherever it led to something. A notice is written for each recipient in the
transaction that revokes the signal; the recipient confirms it, and the regulator sees who hasn't, and since when.
Nothing else follows: a notice has no due time. Source: domain.md, Signals; docs/adr/0162.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy import ColumnElement, false, text, true

from ledger.copies import replace
from ledger.counting import Count
from ledger.errors import ForbiddenError, Problem, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.filters import equals, leading, where
from ledger.identifiers import RevocationNoticeId, new_id, parse_id
from ledger.lists import RecordList
from ledger.moves import Moved, Rules, move_records
from ledger.pages import Listing, Page, PageRequest
from ledger.permissions import require_batch
from ledger.relations import ToMany, note_of
from ledger.signals.states import SignalState
from ledger.signals.table import FraudSignal, RevocationNotice, signal_revocation_notices
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, insert_records, select_records
from ledger.viewer import Viewer, ViewerKind

_READERS = frozenset({ViewerKind.REGULATOR, ViewerKind.OTT_PROVIDER})

_FIND_RECIPIENTS = text("""
SELECT DISTINCT r.signal_id, r.member_id FROM signal_recipients r
JOIN participations p ON p.member_id = r.member_id AND p.began_at IS NOT NULL AND p.ended_at IS NULL
WHERE r.signal_id = ANY(CAST(:ids AS uuid[])) ORDER BY r.signal_id, r.member_id
""")


def _is_confirmed(_record: type[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001 - the filter's value
    at = signal_revocation_notices.c.confirmed_at
    return at.is_not(None) if wanted else at.is_(None)


def _is_to(_record: type[Any], member_id: str) -> ColumnElement[bool]:
    known = parse_id(member_id)
    # Not an equation: of any one member, a kept plan would suppose an average number of rows (docs/adr/0136).
    return false() if known is None else signal_revocation_notices.c.member_id.between(known, known)


def _visible(viewer: Viewer, c: Columns) -> ColumnElement[bool]:
    """Which notices a reader may see; row-level security enforces this a second time."""
    return true() if viewer.is_regulator else c.member_id == viewer.member_id


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFilter:
    """Which notices to return. None does not filter."""

    is_confirmed: Annotated[bool | None, where(_is_confirmed)] = None
    member_id: Annotated[str | None, where(_is_to)] = None
    signal_id: Annotated[str | None, leading(equals("signal_id"))] = None


NOTICES = RecordList(
    RevocationNotice,
    {None: Listing("signal_revocation_notices", RevocationNotice, ("id",))},
    NoticeFilter,
    visible=_visible,
    kinds=_READERS,
    owners={ViewerKind.OTT_PROVIDER: "member_id"},
)

load_notices = ToMany(
    RevocationNotice, by="signal_id", kinds=_READERS, visible=_visible, note=note_of(RevocationNotice)
)
"""The notices by signal, as far as the viewer may see them."""


async def list_notices(
    tx: Transaction, page: PageRequest, wanted: NoticeFilter | None = None
) -> Page[RevocationNotice]:
    """Return a page of the notices that the viewer may see, oldest first. Errors: as RecordList.fetch."""
    return await NOTICES.fetch(tx, page, wanted)


async def count_notices(tx: Transaction, wanted: NoticeFilter | None = None) -> Count:
    """Count the notices that match the filter and that the viewer may see. Errors: ForbiddenError."""
    return await NOTICES.count(tx, wanted)


async def ask_confirmations(tx: Transaction, revoked: Sequence[FraudSignal]) -> None:
    """Write a notice for each provider that was sent one of these signals and takes part, before the events about them.

    Runs under the transition role, while participations are held.
    """
    reasons = {signal.id: signal.revoked_reason for signal in revoked if signal.revoked_reason is not None}
    if not reasons:
        return
    found = await tx.execute(_FIND_RECIPIENTS, {"ids": sorted(reasons)})
    notices = [
        RevocationNotice(
            id=RevocationNoticeId(new_id()),
            signal_id=row.signal_id,
            member_id=row.member_id,
            reason=reasons[row.signal_id],
            revoked_at=tx.as_of,
        )
        for row in found
    ]
    await insert_records(tx, notices)


async def confirm_revocations(tx: Transaction, signal_ids: Sequence[str]) -> list[RevocationNotice | Problem]:
    """Confirm that the provider knows that signals were revoked, item by item. Safe to repeat, also after it left.

    Shapes: 1..1000; results in the order given. Errors: ForbiddenError, NoItemsError, TooManyItemsError, with nothing
    written; for an item NOT_FOUND where the provider was told of no revocation of the signal.
    """
    member_id = tx.viewer.member_id
    if tx.viewer.kind is not ViewerKind.OTT_PROVIDER or member_id is None:
        raise ForbiddenError
    require_batch(signal_ids)

    def confirm(_place: int, present: RevocationNotice) -> Moved[RevocationNotice]:
        if present.confirmed_at is not None:
            return Moved(present)
        after = replace(
            present,
            confirmed_at=tx.as_of,
            confirmed_by=tx.viewer.officer_id,
            confirmed_by_client=tx.viewer.client_id,
        )
        confirmed = EventDraft(
            kind=EventKind.SIGNAL_REVOCATION_CONFIRMED,
            subject=Subject.FRAUD_SIGNAL,
            subject_id=present.signal_id,
            state=SignalState.REVOKED,
            audience=[member_id],
        )
        return Moved(after, confirmed)

    c = signal_revocation_notices.c
    known = sorted({parsed for each in signal_ids if (parsed := parse_id(each))})
    async with tx.role(Role.TRANSITION):
        statement = select_records(tx, RevocationNotice).where(is_any(c.signal_id, known), c.member_id == member_id)
        own: dict[str | None, str] = {
            notice.signal_id: notice.id for notice in await fetch_records(tx, RevocationNotice, statement)
        }
    rules = Rules(move=confirm, unknown=lambda _place: UnknownError(field="signalIds"))
    return await move_records(tx, RevocationNotice, [own.get(parse_id(each)) for each in signal_ids], rules)
