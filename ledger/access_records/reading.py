"""Reading who read what, newest first: for officers who audit, and for nobody else.

Reveals of complainants are records of their own (docs/adr/0054); they are shown in the same list, and stored once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import ColumnElement, false, true

from ledger.access_records.table import AccessRecord, access_records
from ledger.accesses import AccessKind
from ledger.complaints.table import Reveal
from ledger.filters import among, before, conditions_of, equals, since, where
from ledger.identifiers import AccessRecordId, ClientId, MemberId, OfficerId, parse_id
from ledger.pages import Listing, Page, PageRequest, fetch_page
from ledger.permissions import require_officer
from ledger.storage.database import Transaction

_LIST = "access_records"
_READ = Listing(_LIST, AccessRecord, ("-id",))
_REVEALED = Listing(_LIST, Reveal, ("-id",))


def _shows(_record: type[object], subject: str) -> ColumnElement[bool]:
    return access_records.c.subject_ids.contains([parse_id(subject) or subject])


def _is_revealing(_record: type[object], kinds: tuple[AccessKind, ...]) -> ColumnElement[bool]:
    return true() if AccessKind.COMPLAINANT in kinds else false()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFilter:
    """Which records to return. An empty tuple or None does not filter. subject_id is an id, or a number in E.164."""

    officer_id: Annotated[str | None, equals("officer_id")] = None
    client_id: Annotated[str | None, equals("client_id")] = None
    subject_id: Annotated[str | None, where(_shows)] = None
    kinds: Annotated[tuple[AccessKind, ...], among("kind")] = ()
    recorded_after: Annotated[datetime | None, since("recorded_at")] = None
    recorded_before: Annotated[datetime | None, before("recorded_at")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RevealFilter:
    """The same criteria for reveals."""

    officer_id: Annotated[str | None, equals("officer_id")] = None
    client_id: Annotated[str | None, equals("client_id")] = None
    subject_id: Annotated[str | None, equals("complaint_id")] = None
    kinds: Annotated[tuple[AccessKind, ...], where(_is_revealing)] = ()
    recorded_after: Annotated[datetime | None, since("revealed_at")] = None
    recorded_before: Annotated[datetime | None, before("revealed_at")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One access as auditors see it. The operation is unknown where it is a reveal, whose id is that of the reveal."""

    id: AccessRecordId
    recorded_at: datetime
    member_id: MemberId
    officer_id: OfficerId | None
    client_id: ClientId | None
    kind: AccessKind
    listed: str | None
    subject_ids: tuple[str, ...]
    operation_name: str | None = None
    document_hash: str | None = None
    request_id: str | None = None


async def list_accesses(tx: Transaction, page: PageRequest, wanted: AccessFilter | None = None) -> Page[Access]:
    """Return a page of accesses, newest first, in two statements: one of each kind of record.

    Errors: ForbiddenError, OfficerRequiredError, CursorInvalidError.
    """
    require_officer(tx.viewer)
    asked = wanted or AccessFilter()
    same = _RevealFilter(**{name: getattr(asked, name) for name in AccessFilter.__dataclass_fields__})
    read = await fetch_page(tx, _READ, page, *conditions_of(asked, AccessRecord, tx.present_role))
    revealed = await fetch_page(tx, _REVEALED, page, *conditions_of(same, Reveal, tx.present_role))
    regulator_id = MemberId(tx.viewer.member_id or "")
    found = [
        *((_of_record(record), cursor) for record, cursor in zip(read.items, read.cursors, strict=True)),
        *(
            (_of_reveal(reveal, regulator_id), cursor)
            for reveal, cursor in zip(revealed.items, revealed.cursors, strict=True)
        ),
    ]
    found.sort(key=lambda placed: placed[0].id, reverse=True)
    shown = found[: page.first]
    return Page(
        [access for access, _ in shown],
        [cursor for _, cursor in shown],
        has_next_page=read.has_next_page or revealed.has_next_page or len(found) > page.first,
    )


def _of_record(record: AccessRecord) -> Access:
    return Access(**{name: getattr(record, name) for name in Access.__dataclass_fields__})


def _of_reveal(reveal: Reveal, regulator_id: MemberId) -> Access:
    return Access(
        id=AccessRecordId(reveal.id),
        recorded_at=reveal.revealed_at,
        member_id=regulator_id,
        officer_id=reveal.officer_id,
        client_id=reveal.client_id,
        kind=AccessKind.COMPLAINANT,
        listed=None,
        subject_ids=(reveal.complaint_id,),
    )
