"""Filing complaints: many in one call, each only once.

Filing the same complaint again returns the first one. It is recognised by the source's reference or, without one, by
content and occurrence. Complaint, complainant, evidence, counts and event are written together or not at all. Locks
are taken in one order, numbers by E.164, then accounts, then complaints by their key, so that concurrent filings don't
deadlock.
"""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import text

from ledger.accounts.recording import Seen, count_complaints, ensure_accounts
from ledger.complaints.chronologies import seal_chronology
from ledger.complaints.complainants import insert_complainants
from ledger.complaints.drafts import ComplaintDraft, PreparedComplaint, SourceReferenceReusedError, prepare_complaint
from ledger.complaints.evidence import insert_evidence
from ledger.complaints.evidence_drafts import EvidenceTooLargeError, count_evidence_bytes
from ledger.complaints.moves import complaint_event
from ledger.complaints.reading import load_complaints
from ledger.complaints.table import SAME_CONTENT, SAME_REFERENCE, Complaint
from ledger.complaints.uploads import find_uploaded, name_uploaded, take_uploads
from ledger.copies import replace
from ledger.errors import LedgerError, Problem
from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import AccountId, ComplaintId, MemberId
from ledger.numbers.reading import ensure_numbers
from ledger.permissions import require_batch, require_source
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import dump_rows, insert_new

EVIDENCE_CALL_BYTES_MAX = 64 * 1024 * 1024
"""The limit on all the evidence in one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledComplaint:
    """The complaint that a draft became. was_known is true if it had been filed before."""

    complaint: Complaint
    was_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """A FiledComplaint with only the complaint's id."""

    complaint_id: ComplaintId
    was_known: bool


Key = tuple[str, str | int]

# LIMIT makes each look-up a probe of its unique index. As a join, a new table's statistics led to sequential scans.
_FIND_KNOWN = text("""
SELECT k.* FROM unnest(CAST(:references AS text[])) AS d(source_reference)
CROSS JOIN LATERAL (
  SELECT id, source_reference, content_hash, occurrence FROM complaints
  WHERE source_id = CAST(:source_id AS uuid) AND source_reference = d.source_reference LIMIT 1
) k
UNION ALL
SELECT k.* FROM unnest(CAST(:hashes AS text[]), CAST(:occurrences AS integer[])) AS d(content_hash, occurrence)
CROSS JOIN LATERAL (
  SELECT id, source_reference, content_hash, occurrence FROM complaints
  WHERE source_id = CAST(:source_id AS uuid) AND source_reference IS NULL
    AND content_hash = d.content_hash AND occurrence = d.occurrence LIMIT 1
) k
""")

_FIND_EPOCHS = text("""
SELECT d.id, max(e.epoch) AS epoch
FROM json_to_recordset(CAST(:incidents AS json)) AS d(id uuid, e164 text, incident_at timestamptz)
JOIN number_epochs e ON e.e164 = d.e164 AND e.starts_at <= d.incident_at
GROUP BY d.id
""")

_COUNT = text("""
UPDATE phone_numbers n SET complaint_count = n.complaint_count + d.filed_count
FROM json_to_recordset(CAST(:counts AS json)) AS d(e164 text, filed_count integer)
WHERE n.e164 = d.e164
""")


async def file_complaints(tx: Transaction, drafts: Sequence[ComplaintDraft]) -> list[FiledComplaint | Problem]:
    """File complaints for the viewer's own member, item by item.

    Shapes: 1..1000 drafts; the result has the drafts' order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, with nothing written. A draft that is refused is a
    Problem in its place; the others are filed.
    Source: domain.md, Complaint; field.md section 1.1.
    """
    require_source(tx.viewer)
    require_batch(drafts)
    checked = prepare_complaints(tx, await _find_uploads(tx, drafts))
    outcomes = await file_prepared(tx, [item for item in checked if isinstance(item, PreparedComplaint)])
    filings = iter(outcomes)
    results = [next(filings) if isinstance(item, PreparedComplaint) else item for item in checked]
    complaints = await load_complaints(tx, [item.complaint_id for item in results if isinstance(item, Filing)])
    return [
        FiledComplaint(complaint=complaints[item.complaint_id], was_known=item.was_known)
        if isinstance(item, Filing)
        else item
        for item in results
    ]


async def _find_uploads(tx: Transaction, drafts: Sequence[ComplaintDraft]) -> list[ComplaintDraft]:
    """Return the drafts with the uploads that they name, which are locked before anything else."""
    uploads = await find_uploaded(tx, [piece for draft in drafts for piece in draft.evidence])
    return [
        replace(draft, evidence=tuple(name_uploaded(piece, uploads) for piece in draft.evidence)) for draft in drafts
    ]


def prepare_complaints(tx: Transaction, drafts: Sequence[ComplaintDraft]) -> list[PreparedComplaint | Problem]:
    """Validate every draft; one that is refused becomes a Problem in its place."""
    checked: list[PreparedComplaint | Problem] = []
    evidence_bytes = 0
    for draft in drafts:
        evidence_bytes += count_evidence_bytes(draft.evidence)
        try:
            if draft.evidence and evidence_bytes > EVIDENCE_CALL_BYTES_MAX:
                raise EvidenceTooLargeError(
                    f"One call takes at most {EVIDENCE_CALL_BYTES_MAX} bytes of evidence.",
                    field="evidence",
                    hint="File the rest in another call.",
                )
            checked.append(prepare_complaint(draft, policy=tx.policies, keyring=tx.keyring, as_of=tx.as_of))
        except LedgerError as error:
            checked.append(error.problem())
    return checked


async def file_prepared(tx: Transaction, items: Sequence[PreparedComplaint]) -> list[Filing | Problem]:
    """File validated complaints, in a number of statements that doesn't grow with the items.

    Shapes: the result has the items' order and length. A reference already used for other content is a Problem.
    """
    source_id = require_source(tx.viewer)
    if not items:
        return []
    known = await _find_known(tx, source_id, items)
    fresh: dict[Key, PreparedComplaint] = {}
    for item in items:
        if item.key not in known:
            fresh.setdefault(item.key, item)
    refused = _refuse_used(fresh)
    written = await _write(tx, source_id, list(fresh.values())) if fresh else set()
    overtaken = [item for item in fresh.values() if item.id not in written]
    if overtaken:  # a concurrent call filed the same complaints first
        known |= await _find_known(tx, source_id, overtaken)
    for key, item in fresh.items():
        if item.id in written:
            known[key] = (item.id, item.content_hash)
    return [refused.get(item.key) or _outcome(item, known[item.key], written) for item in items]


def _refuse_used(fresh: dict[Key, PreparedComplaint]) -> dict[Key, Problem]:
    """Take out of the new complaints those whose uploads are another's evidence, and return why, by their keys."""
    refused: dict[Key, Problem] = {}
    taken: set[str] = set()
    for key, item in list(fresh.items()):
        try:
            take_uploads(item.draft.evidence, taken)
        except LedgerError as error:
            refused[key] = error.problem()
            del fresh[key]
    return refused


def _outcome(item: PreparedComplaint, found: tuple[ComplaintId, str], written: Container[str]) -> Filing | Problem:
    complaint_id, content_hash = found
    if content_hash != item.content_hash:
        return SourceReferenceReusedError(field="sourceReference").problem()
    is_new = complaint_id == item.id and item.id in written
    return Filing(complaint_id=complaint_id, was_known=not is_new)


async def _find_known(
    tx: Transaction, source_id: MemberId, items: Sequence[PreparedComplaint]
) -> dict[Key, tuple[ComplaintId, str]]:
    """Id and content hash of those that the source filed before, by key."""
    unreferenced = [item for item in items if item.draft.source_reference is None]
    parameters = {
        "source_id": source_id,
        "references": [item.draft.source_reference for item in items if item.draft.source_reference is not None],
        "hashes": [item.content_hash for item in unreferenced],
        "occurrences": [item.occurrence for item in unreferenced],
    }
    known: dict[Key, tuple[ComplaintId, str]] = {}
    for row in await tx.execute(_FIND_KNOWN, parameters):
        key: Key = (
            ("", row.source_reference) if row.source_reference is not None else (row.content_hash, row.occurrence)
        )
        known[key] = (row.id, row.content_hash)
    return known


async def _write(tx: Transaction, source_id: MemberId, items: Sequence[PreparedComplaint]) -> set[str]:
    """Write complaints that are new, with all that belongs to them; the ids of those that no other was faster with."""
    epochs = await _find_epochs(tx, items)
    accounts = await ensure_accounts(tx, [Seen(item.account, tx.as_of) for item in items if item.account is not None])
    # In the order of the unique indexes, so that two calls with the same complaints wait instead of deadlocking.
    in_order = sorted(items, key=attrgetter("key"))
    referenced = [item for item in in_order if item.draft.source_reference is not None]
    unreferenced = [item for item in in_order if item.draft.source_reference is None]
    complaints = {
        item.id: _complaint(
            tx,
            source_id,
            item,
            epoch=epochs.get(item.id),
            account_id=accounts[item.account.key_hash] if item.account is not None else None,
        )
        for item in in_order
    }
    written: set[str] = set()
    for group, unless in ((referenced, SAME_REFERENCE), (unreferenced, SAME_CONTENT)):
        drafted, unshown = [complaints[item.id] for item in group], [_unshown(tx, item) for item in group]
        written |= await insert_new(tx, drafted, more=unshown, unless=unless)
    new = [item for item in items if item.id in written]
    await insert_complainants(
        tx, source_id, [(item.id, item.draft.complainant) for item in new if item.draft.complainant]
    )
    await insert_evidence(tx, source_id, [(item.id, piece) for item in new for piece in item.draft.evidence])
    await _count_and_tell(tx, [complaints[item.id] for item in new])
    return written


async def _find_epochs(tx: Transaction, items: Sequence[PreparedComplaint]) -> dict[str, int]:
    """Return the epoch of each complaint's number at the incident, or the current one if that time is unknown.

    The numbers are stored, if new, and locked.
    """
    async with tx.role(Role.TRANSITION):
        numbers = await ensure_numbers(tx, [item.number for item in items if item.number is not None])
        epochs: dict[str, int] = {
            item.id: numbers[item.number.e164].epoch or 1 for item in items if item.number is not None
        }
        incidents = {
            item.id: {"id": item.id, "e164": item.number.e164, "incident_at": item.draft.incident_at}
            for item in items
            if item.number is not None and item.draft.incident_at is not None and epochs[item.id] > 1
        }
        if incidents:
            # An incident before the first known reassignment belongs to the first epoch.
            epochs |= dict.fromkeys(incidents, 1)
            found = await tx.execute(_FIND_EPOCHS, {"incidents": dump_rows(list(incidents.values()))})
            epochs |= {row.id: row.epoch for row in found}
    return epochs


def _complaint(
    tx: Transaction, source_id: MemberId, item: PreparedComplaint, *, epoch: int | None, account_id: AccountId | None
) -> Complaint:
    draft = item.draft
    return Complaint(
        id=item.id,
        source_id=source_id,
        source_reference=draft.source_reference,
        e164=item.number.e164 if item.number else None,
        epoch=epoch,
        epoch_uncertain=draft.incident_at is None,
        account_id=account_id,
        account_platform=draft.account_platform,
        account_handle=draft.account_handle,
        account_url=draft.account_url,
        medium=draft.medium,
        category=draft.category,
        incident_at=draft.incident_at,
        loss_rupiah=draft.loss_rupiah,
        remedy=draft.remedy,
        chronology_digest=item.chronology_digest,
        complainant_ref=item.complainant_ref,
        marks=item.marks,
        filed_at=tx.as_of,
        complete_at=tx.as_of,
        verification_due_at=tx.as_of + tx.policies.verification_due,
    )


def _unshown(tx: Transaction, item: PreparedComplaint) -> dict[str, Any]:
    """Return the columns that are not fields of Complaint."""
    chronology = item.draft.chronology
    return {
        "content_hash": item.content_hash,
        "occurrence": item.occurrence,
        "chronology_sealed": seal_chronology(tx.keyring, item.id, chronology) if chronology else None,
    }


async def _count_and_tell(tx: Transaction, filed: Sequence[Complaint]) -> None:
    """Increase the counts of numbers and accounts, whose rows are locked, and append an event for each complaint."""
    counts = Counter(complaint.e164 for complaint in filed if complaint.e164 is not None)
    events = [
        complaint_event(complaint, EventKind.COMPLAINT_FILED, category=complaint.category, medium=complaint.medium)
        for complaint in filed
    ]
    async with tx.role(Role.TRANSITION):
        if counts:
            rows = [{"e164": e164, "filed_count": count} for e164, count in counts.items()]
            counted = await tx.execute(_COUNT, {"counts": dump_rows(rows)})
            if counted.rowcount != len(counts):
                raise RuntimeError("A number that this transaction locked no longer exists.")
        await count_complaints(tx, [(item.account_id, item.filed_at) for item in filed if item.account_id is not None])
        await append_events(tx, events)
