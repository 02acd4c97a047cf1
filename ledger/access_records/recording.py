"""Writing what an operation showed, before its answer leaves: one statement for all of it.

The regulator's parties are recorded, officers and machine clients alike, and any other member's officers; a system of
an agency that reads back what it filed is not. What can't be recorded must not be given: callers let the failure end
the operation.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from ledger.access_records.table import SUBJECTS_MAX, AccessRecord
from ledger.accesses import Accesses, AccessKind
from ledger.identifiers import AccessRecordId, MemberId, new_id
from ledger.policies import AccessPolicy
from ledger.storage.database import Transaction
from ledger.storage.rows import insert_records
from ledger.viewer import Viewer

_NAME_CHARACTERS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBy:
    """The operation that showed it: its name and text as the client sent them, and the request's id."""

    request_id: str
    document: str
    operation_name: str | None = None


def is_recorded(viewer: Viewer) -> bool:
    """Whether the accesses of this party are recorded."""
    return viewer.is_regulator or viewer.officer_id is not None


def has_records(accesses: Accesses, policy: AccessPolicy) -> bool:
    """Whether anything in the notes is to be recorded."""
    return any(_list_shown(accesses, policy))


async def record_accesses(tx: Transaction, accesses: Accesses, *, viewer: Viewer, shown_by: ShownBy) -> None:
    """Write the records of what was shown to the viewer. Runs under the TRANSITION role, which may only insert them."""
    document_hash = hashlib.sha256(shown_by.document.encode()).hexdigest()
    name = shown_by.operation_name
    if viewer.member_id is None:
        raise RuntimeError("An operator's reading is not an operation.")
    records = [
        AccessRecord(
            id=AccessRecordId(new_id()),
            recorded_at=tx.as_of,
            member_id=MemberId(viewer.member_id),
            officer_id=viewer.officer_id,
            client_id=viewer.client_id,
            kind=kind,
            listed=listed,
            subject_ids=ids,
            operation_name=name and name[:_NAME_CHARACTERS_MAX],
            document_hash=document_hash,
            request_id=shown_by.request_id,
        )
        for kind, listed, ids in _list_shown(accesses, tx.policies)
    ]
    await insert_records(tx, records)


def _list_shown(accesses: Accesses, policy: AccessPolicy) -> Iterator[tuple[AccessKind, str | None, tuple[str, ...]]]:
    for (kind, listed), noted in accesses.noted.items():
        is_short = len(noted.ids) <= policy.access_list_items and not noted.is_continued
        if kind is AccessKind.LIST and is_short:
            continue
        for start in range(0, len(noted.ids), SUBJECTS_MAX):
            yield kind, listed, tuple(list(noted.ids)[start : start + SUBJECTS_MAX])
