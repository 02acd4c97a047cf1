"""What a source can do with its own complaint after filing it: withdraw it, or supply the requested information."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import text

from ledger.complaints.chronologies import check_chronology, digest_chronology, seal_chronology
from ledger.complaints.evidence import insert_evidence, load_evidence
from ledger.complaints.evidence_drafts import EvidenceDraft, EvidenceTooManyError, check_evidence
from ledger.complaints.moves import complaint_event, refuse_repeated, refuse_unknown
from ledger.complaints.reading import load_complaints, read_chronology
from ledger.complaints.states import ComplaintMove, next_complaint_state
from ledger.complaints.table import Complaint
from ledger.complaints.uploads import find_uploaded, name_uploaded, take_uploads
from ledger.errors import InvalidInputError, Problem
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ComplaintId, MemberId, parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.permissions import require_batch, require_source
from ledger.storage.database import Transaction
from ledger.storage.roles import ROLE_OF_VIEWER
from ledger.storage.rows import dump_rows


class SupplementEmptyError(InvalidInputError):
    """The supplement is empty."""

    code = "SUPPLEMENT_EMPTY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """What a source adds to a complaint that needs information. A chronology is appended to the existing one."""

    complaint_id: str
    chronology: str | None = None
    evidence: tuple[EvidenceDraft, ...] = ()


_KEEP_CHRONOLOGIES = text("""
UPDATE complaints c SET chronology_sealed = d.chronology_sealed
FROM json_to_recordset(CAST(:rows AS json)) AS d(id uuid, chronology_sealed bytea)
WHERE c.id = d.id
""")


async def withdraw_complaints(tx: Transaction, complaint_ids: Sequence[str]) -> list[Complaint | Problem]:
    """Withdraw complaints that the viewer's own member filed, item by item.

    Shapes: 1..1000 ids; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, with nothing written.
    """
    source_id = require_source(tx.viewer)
    require_batch(complaint_ids)
    own = await _find_own(tx, source_id, complaint_ids)

    def withdraw(_place: int, complaint: Complaint) -> Moved[Complaint]:
        withdrawn = replace(complaint, state=next_complaint_state(complaint.state, ComplaintMove.WITHDRAW))
        return Moved(withdrawn, complaint_event(withdrawn, EventKind.COMPLAINT_WITHDRAWN))

    rules = Rules(move=withdraw, unknown=refuse_unknown, repeated=refuse_repeated)
    return await move_records(tx, Complaint, own, rules)


async def supply_information(tx: Transaction, supplements: Sequence[Supplement]) -> list[Complaint | Problem]:
    """Supply requested information. The complaint is complete again and its verification clock restarts.

    Shapes: 1..1000 supplements; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, with nothing written.
    """
    source_id = require_source(tx.viewer)
    require_batch(supplements)
    own = await _find_own(tx, source_id, [supplement.complaint_id for supplement in supplements])
    uploads = await find_uploaded(tx, [piece for supplement in supplements for piece in supplement.evidence])
    named = [
        replace(supplement, evidence=tuple(name_uploaded(piece, uploads) for piece in supplement.evidence))
        for supplement in supplements
    ]
    batch = _Batch(tx, source_id, named)
    rules = Rules(
        move=batch.take,
        unknown=refuse_unknown,
        repeated=refuse_repeated,
        prepare=batch.find_known,
        follow=batch.write,
    )
    return await move_records(tx, Complaint, own, rules)


@dataclass(slots=True)
class _Batch:
    """The supplements of one call: what each complaint already has, and what to add."""

    tx: Transaction
    source_id: MemberId
    supplements: Sequence[Supplement]
    told: Mapping[str, str] = field(default_factory=dict)
    evidence_counts: Mapping[str, int] = field(default_factory=dict)
    chronologies: dict[ComplaintId, str] = field(default_factory=dict)
    pieces: list[tuple[ComplaintId, EvidenceDraft]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    async def find_known(self, complaints: Mapping[str, Complaint]) -> None:
        """Read what exists, under the source's role. The complaints are locked, so nobody adds to it meanwhile."""
        async with self.tx.role(ROLE_OF_VIEWER[self.tx.viewer.kind]):
            self.told = await read_chronology(self.tx, list(complaints))
            shown = await load_evidence(self.tx, list(complaints))
        self.evidence_counts = {complaint_id: len(pieces) for complaint_id, pieces in shown.items()}

    def take(self, place: int, complaint: Complaint) -> Moved[Complaint]:
        """Apply one supplement to its complaint. Errors: a LedgerError."""
        chronology, evidence = self._check(self.supplements[place], complaint)
        supplied = replace(
            complaint,
            state=next_complaint_state(complaint.state, ComplaintMove.SUPPLY_INFO),
            info_request=None,
            complete_at=self.tx.as_of,
            verification_due_at=self.tx.as_of + self.tx.policies.verification_due,
        )
        take_uploads(evidence, self.taken)
        self.pieces.extend((complaint.id, piece) for piece in evidence)
        if chronology is not None:
            self.chronologies[complaint.id] = chronology
            supplied = replace(supplied, chronology_digest=digest_chronology(self.tx.keyring, chronology))
        return Moved(supplied, complaint_event(supplied, EventKind.COMPLAINT_SUPPLEMENTED))

    def _check(self, supplement: Supplement, complaint: Complaint) -> tuple[str | None, tuple[EvidenceDraft, ...]]:
        """Return the full chronology after the supplement (None if it adds none) and the new evidence."""
        policy = self.tx.policies
        added = check_chronology(supplement.chronology, policy)
        evidence = check_evidence(supplement.evidence, policy)
        if added is None and not evidence:
            raise SupplementEmptyError
        if self.evidence_counts[complaint.id] + len(evidence) > policy.evidence_items_max:
            raise EvidenceTooManyError(
                f"A complaint can have at most {policy.evidence_items_max} pieces of evidence.", field="evidence"
            )
        told = self.told.get(complaint.id)
        if added is None or told is None:
            return added, evidence
        return check_chronology(f"{told}\n\n{added}", policy), evidence

    async def write(self, _changes: Sequence[Change[Complaint]]) -> list[EventDraft]:
        """Store what was added, the evidence under the source's role, so that row-level security applies to it."""
        if self.chronologies:
            rows = [
                {"id": complaint_id, "chronology_sealed": seal_chronology(self.tx.keyring, complaint_id, told)}
                for complaint_id, told in self.chronologies.items()
            ]
            await self.tx.execute(_KEEP_CHRONOLOGIES, {"rows": dump_rows(rows)})
            self.tx.note_written(Subject.COMPLAINT, self.chronologies)
        if self.pieces:
            async with self.tx.role(ROLE_OF_VIEWER[self.tx.viewer.kind]):
                await insert_evidence(self.tx, self.source_id, self.pieces)
        return []


async def _find_own(tx: Transaction, source_id: MemberId, ids: Sequence[str]) -> list[ComplaintId | None]:
    """Return the ids of the source's own complaints in the order given, and None for any other."""
    seen = await load_complaints(tx, ids)
    found = [seen.get(parse_id(complaint_id) or "") for complaint_id in ids]
    return [complaint.id if complaint and complaint.source_id == source_id else None for complaint in found]
