"""Complainants: sealed, revealed only to an officer for a recorded purpose, and known elsewhere by a keyed hash.

No data of a complainant may reach an event, a log, a carrier or a provider. A purpose is free text and may name a
person, so it is sealed as well, and its event contains only a salted hash of it.
Source: domain.md, Complaint and the table of who sees what; field.md section 3.5.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.erased import lock_content
from ledger.complaints.reading import get_complaint
from ledger.complaints.table import Reveal, SealedComplainant, complainant_reveals, complainants
from ledger.errors import InvalidInputError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ComplaintId, MemberId, OfficerId, RevealId, new_id, parse_id
from ledger.pages import note_items
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, find_record, insert_records, select_records
from ledger.texts import check_text

_PURPOSE_LENGTH_MAX = 500
_SALT_BYTES = 32
_ERASED_PURPOSE = {"purpose": "", "salt": ""}


class PurposeMissingError(InvalidInputError):
    """Revealing a complainant requires a purpose."""

    code = "PURPOSE_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedReveal(Reveal):
    """A reveal with its purpose unsealed. Its event has the hexadecimal SHA-256 of the salt and the purpose."""

    purpose: str
    purpose_salt: bytes


async def insert_complainants(
    tx: Transaction, source_id: MemberId, drafts: Sequence[tuple[ComplaintId, ComplainantDraft]]
) -> None:
    """Seal and store the complainants of new complaints, each with its complaint's id, in one statement."""
    sealed = [
        SealedComplainant(
            complaint_id=complaint_id,
            source_id=source_id,
            identity_sealed=tx.keyring.seal(identity, _context(complaint_id)),
            identity_digest=tx.keyring.digest(identity, _context(complaint_id)),
            recorded_at=tx.as_of,
        )
        for complaint_id, draft in drafts
        for identity in [orjson.dumps(asdict(draft))]
    ]
    await insert_records(tx, sealed)


async def reveal_complainant(tx: Transaction, complaint_id: str, *, purpose: str) -> ComplainantDraft:
    """Reveal a complainant to an officer, as the source recorded it. Every reveal is an event with its purpose.

    Errors: ForbiddenError, OfficerRequiredError, PurposeMissingError, ComplaintErasedError; UnknownError, also if none
    is recorded.
    """
    officer_id = require_officer(tx.viewer)
    checked = check_text(purpose, field="purpose", length_max=_PURPOSE_LENGTH_MAX)
    if not checked:
        raise PurposeMissingError(field="purpose")
    complaint = await get_complaint(tx, complaint_id)
    await lock_content(tx, complaint.id)
    async with tx.role(Role.REVEAL):
        found = await find_record(tx, SealedComplainant, complainants.c.complaint_id == complaint.id)
    if found is None:
        raise UnknownError("No complainant is recorded for this complaint.", field="complaintId")
    await _record_reveal(tx, complaint.id, officer_id=officer_id, purpose=checked)
    return ComplainantDraft(**orjson.loads(tx.keyring.open(found.identity_sealed, _context(complaint.id))))


async def _record_reveal(tx: Transaction, complaint_id: ComplaintId, *, officer_id: OfficerId, purpose: str) -> None:
    reveal_id, salt = RevealId(new_id()), secrets.token_bytes(_SALT_BYTES)
    said = orjson.dumps({"purpose": purpose, "salt": salt.hex()})
    reveal = Reveal(
        id=reveal_id,
        complaint_id=complaint_id,
        officer_id=officer_id,
        client_id=tx.viewer.client_id,
        purpose_sealed=tx.keyring.seal(said, _reveal_context(reveal_id)),
        purpose_digest=tx.keyring.digest(said, _reveal_context(reveal_id)),
        revealed_at=tx.as_of,
    )
    event = EventDraft(
        kind=EventKind.COMPLAINANT_REVEALED,
        subject=Subject.COMPLAINT,
        subject_id=complaint_id,
        payload={"revealId": reveal_id, "purposeHash": hashlib.sha256(salt + purpose.encode()).hexdigest()},
    )
    async with tx.role(Role.TRANSITION):
        await insert_records(tx, [reveal])
    await append_events(tx, [event])


async def load_reveals(tx: Transaction, complaint_ids: Sequence[str]) -> dict[str, list[OpenedReveal]]:
    """Return the reveals of each complaint's complainant, oldest first, in one statement, for the regulator.

    Every given complaint has an entry.
    """
    found: dict[str, list[OpenedReveal]] = {complaint_id: [] for complaint_id in complaint_ids}
    if not tx.viewer.is_regulator:
        return found
    c = complainant_reveals.c
    known = [parsed for complaint_id in complaint_ids if (parsed := parse_id(complaint_id))]
    statement = select_records(tx, Reveal).where(c.complaint_id.in_(known)).order_by(c.id)
    reveals = await fetch_records(tx, Reveal, statement)
    note_items(tx, Reveal, reveals)
    for reveal in reveals:
        said = _ERASED_PURPOSE
        if reveal.purpose_sealed:
            said = orjson.loads(tx.keyring.open(reveal.purpose_sealed, _reveal_context(reveal.id)))
        found[reveal.complaint_id].append(
            OpenedReveal(**asdict(reveal), purpose=said["purpose"], purpose_salt=bytes.fromhex(said["salt"]))
        )
    return found


def _context(complaint_id: ComplaintId) -> str:
    return f"complainants.identity:{complaint_id}"


def _reveal_context(reveal_id: RevealId) -> str:
    return f"complainant_reveals.purpose:{reveal_id}"
