"""What a source may do to a complaint of its own after filing it: withdraw it, or supply what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import text

from ledger.complaints.evidence import (
    EvidenceDraft,
    EvidenceTooManyError,
    check_evidence,
    insert_evidence,
    load_evidence,
)
from ledger.complaints.moves import ItemRepeatedError, Row, answer_complaints, lock_complaints, write_complaints
from ledger.complaints.reading import (
    Complaint,
    check_chronology,
    chronology_context,
    load_complaints,
    read_chronology,
)
from ledger.complaints.states import ComplaintMove, ComplaintState, next_complaint_state
from ledger.errors import InvalidInputError, LedgerError, Problem, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, parse_id
from ledger.permissions import require_batch, require_source
from ledger.policies import FilingPolicy
from ledger.storage.database import Transaction
from ledger.storage.roles import Role


class SupplementEmptyError(InvalidInputError):
    """Nothing is supplied."""

    code = "SUPPLEMENT_EMPTY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """What a source adds to a complaint that needs information; a chronology is added to the one before."""

    complaint_id: str
    chronology: str | None = None
    evidence: tuple[EvidenceDraft, ...] = ()


_ADD_CHRONOLOGY = text("""
UPDATE complaints c SET chronology_sealed = d.chronology_sealed, chronology_digest = d.chronology_digest
FROM json_to_recordset(CAST(:rows AS json)) AS d(id uuid, chronology_sealed bytea, chronology_digest text)
WHERE c.id = d.id
""")


async def withdraw_complaints(tx: Transaction, complaint_ids: Sequence[str]) -> list[Complaint | Problem]:
    """Take back complaints of the viewer's own member, item by item.

    Shapes: 1..1000 ids; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, with nothing written.
    """
    source_id = require_source(tx.viewer)
    require_batch(complaint_ids)
    locked = await _lock_own(tx, source_id, complaint_ids)
    problems: dict[int, Problem] = {}
    changed: dict[str, Row] = {}
    for place, complaint_id in enumerate(complaint_ids):
        try:
            row = _take(locked, complaint_id, changed)
            row["state"] = next_complaint_state(ComplaintState(row["state"]), ComplaintMove.WITHDRAW)
            changed[row["id"]] = row
        except LedgerError as error:
            problems[place] = error.problem()
    await write_complaints(tx, list(changed.values()))
    await _tell(tx, EventKind.COMPLAINT_WITHDRAWN, list(changed.values()))
    return await answer_complaints(tx, complaint_ids, problems)


async def supply_information(tx: Transaction, supplements: Sequence[Supplement]) -> list[Complaint | Problem]:
    """Answer what an officer asked; the complaint is complete again and its clock starts anew.

    Shapes: 1..1000 supplements; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, with nothing written.
    """
    source_id = require_source(tx.viewer)
    require_batch(supplements)
    ids = [supplement.complaint_id for supplement in supplements]
    locked = await _lock_own(tx, source_id, ids)
    told, shown = await read_chronology(tx, list(locked)), await load_evidence(tx, list(locked))
    problems: dict[int, Problem] = {}
    changed: dict[str, Row] = {}
    pieces: list[tuple[str, EvidenceDraft]] = []
    chronologies: dict[str, str] = {}
    for place, supplement in enumerate(supplements):
        try:
            row = _take(locked, supplement.complaint_id, changed)
            chronology, evidence = _check(supplement, told.get(row["id"]), len(shown[row["id"]]), tx.policies)
            row["state"] = next_complaint_state(ComplaintState(row["state"]), ComplaintMove.SUPPLY_INFO)
        except LedgerError as error:
            problems[place] = error.problem()
            continue
        row |= {
            "info_request": None,
            "complete_at": tx.as_of,
            "verification_due_at": tx.as_of + tx.policies.verification_due,
        }
        changed[row["id"]] = row
        pieces.extend((row["id"], piece) for piece in evidence)
        if chronology is not None:
            chronologies[row["id"]] = chronology
    await write_complaints(tx, list(changed.values()))
    await _add_chronologies(tx, chronologies)
    await insert_evidence(tx, source_id, pieces)
    await _tell(tx, EventKind.COMPLAINT_SUPPLEMENTED, list(changed.values()))
    return await answer_complaints(tx, ids, problems)


async def _lock_own(tx: Transaction, source_id: MemberId, ids: Sequence[str]) -> dict[str, Row]:
    """Lock those complaints that are the source's own, as the viewer itself sees them."""
    seen = await load_complaints(tx, ids)
    return await lock_complaints(tx, [found.id for found in seen.values() if found.source_id == source_id])


def _take(locked: dict[str, Row], complaint_id: str, changed: Mapping[str, Row]) -> Row:
    row = locked.get(parse_id(complaint_id) or "")
    if row is None:
        raise UnknownError(field="complaintId")
    if row["id"] in changed:
        raise ItemRepeatedError(field="complaintId")
    return row


def _check(
    supplement: Supplement, told: str | None, evidence_count: int, policy: FilingPolicy
) -> tuple[str | None, tuple[EvidenceDraft, ...]]:
    """The whole chronology after the supplement, None where it adds none, and the new evidence."""
    added = check_chronology(supplement.chronology, policy)
    evidence = check_evidence(supplement.evidence, policy)
    if added is None and not evidence:
        raise SupplementEmptyError
    if evidence_count + len(evidence) > policy.evidence_items_max:
        raise EvidenceTooManyError(
            f"A complaint has at most {policy.evidence_items_max} pieces of evidence.", field="evidence"
        )
    if added is None:
        return None, evidence
    return check_chronology(f"{told}\n\n{added}" if told else added, policy), evidence


async def _add_chronologies(tx: Transaction, chronologies: dict[str, str]) -> None:
    if not chronologies:
        return
    rows = [
        {
            "id": complaint_id,
            "chronology_sealed": f"\\x{tx.keyring.seal(told.encode(), chronology_context(complaint_id)).hex()}",
            "chronology_digest": tx.keyring.reference(f"chronology:{told}"),
        }
        for complaint_id, told in chronologies.items()
    ]
    async with tx.role(Role.TRANSITION):
        await tx.execute(_ADD_CHRONOLOGY, {"rows": orjson.dumps(rows).decode()})


async def _tell(tx: Transaction, kind: EventKind, rows: Sequence[Row]) -> None:
    events = [
        EventDraft(
            kind=kind,
            subject=Subject.COMPLAINT,
            subject_id=row["id"],
            state=row["state"],
            audience=[MemberId(row["source_id"])],
        )
        for row in rows
    ]
    await append_events(tx, events)
