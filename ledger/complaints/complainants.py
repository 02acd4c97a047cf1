"""Who complained. Sealed, shown to an officer for a recorded purpose, known elsewhere as a keyed hash.

Nothing of a complainant may reach an event, a log, a carrier or a provider. A purpose is free text and may name a
person: it stays here under seal, and its event commits to it by a salted hash.
Source: domain.md, Complaint and the table of who sees what; field.md section 3.5.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson
from sqlalchemy import select, text

from ledger.complaints.reading import get_complaint
from ledger.complaints.table import complainant_reveals, complainants
from ledger.errors import InvalidInputError, NumberInvalidError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ClientId, ComplaintId, MemberId, OfficerId, new_id, parse_id
from ledger.numbers.forms import parse_number
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring
from ledger.texts import check_optional_text, check_text

_NAME_LENGTH_MAX = 200
_CONTACT_LENGTH_MAX = 254
_ADDRESS_LENGTH_MAX = 1000
_PURPOSE_LENGTH_MAX = 500
_SALT_BYTES = 32
_NOT_LETTER_OR_DIGIT = re.compile(r"[\W_]+")


class ComplainantIncompleteError(InvalidInputError):
    """The complainant has no name."""

    code = "COMPLAINANT_INCOMPLETE"
    hint = "Leave the complainant out where nobody is named."


class PurposeMissingError(InvalidInputError):
    """A complainant is revealed for a purpose only."""

    code = "PURPOSE_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplainantDraft:
    """Who complained, as the source took it down."""

    name: str
    identity_number: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Complainant:
    """Who complained, revealed."""

    complaint_id: ComplaintId
    name: str
    identity_number: str | None
    phone: str | None
    email: str | None
    address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplainantReveal:
    """That an officer was shown who complained. Its event has the SHA-256 of the salt and the purpose, in hex."""

    id: str
    complaint_id: ComplaintId
    officer_id: OfficerId
    client_id: ClientId | None
    purpose: str
    purpose_salt: bytes
    revealed_at: datetime


_INSERT = text("""
INSERT INTO complainants (complaint_id, source_id, identity_sealed, recorded_at)
SELECT d.complaint_id, CAST(:source_id AS uuid), d.identity_sealed, CAST(:recorded_at AS timestamptz)
FROM json_to_recordset(CAST(:drafts AS json)) AS d(complaint_id uuid, identity_sealed bytea)
""")


def check_complainant(draft: ComplainantDraft) -> ComplainantDraft:
    """The draft with its texts cleaned. Errors: ComplainantIncompleteError, TextInvalidError, TextTooLongError."""
    name = check_text(draft.name, field="complainant.name", length_max=_NAME_LENGTH_MAX)
    if not name:
        raise ComplainantIncompleteError(field="complainant.name")
    return ComplainantDraft(
        name=name,
        identity_number=check_optional_text(
            draft.identity_number, field="complainant.identityNumber", length_max=_CONTACT_LENGTH_MAX
        ),
        phone=check_optional_text(draft.phone, field="complainant.phone", length_max=_CONTACT_LENGTH_MAX),
        email=check_optional_text(draft.email, field="complainant.email", length_max=_CONTACT_LENGTH_MAX),
        address=check_optional_text(
            draft.address, field="complainant.address", length_max=_ADDRESS_LENGTH_MAX, lines=True
        ),
    )


def reference_complainant(keyring: Keyring, draft: ComplainantDraft) -> str:
    """The keyed hash by which the same person is recognised, whatever the source and the spelling.

    By identity number; without one by telephone number, e-mail address, or name with address, in this order.
    """
    return keyring.reference(f"complainant:{_normalise_identity(draft)}")


def _normalise_identity(draft: ComplainantDraft) -> str:
    if draft.identity_number and (compact := _fold(draft.identity_number)):
        return f"identity:{compact}"
    if draft.phone:
        try:
            return f"phone:{parse_number(draft.phone).e164}"
        except NumberInvalidError:
            return f"phone:{_fold(draft.phone)}"
    if draft.email:
        return f"email:{draft.email.casefold()}"
    return f"name:{_fold(draft.name)}:{_fold(draft.address or '')}"


def _fold(text: str) -> str:
    return _NOT_LETTER_OR_DIGIT.sub("", text).casefold()


def _context(complaint_id: str) -> str:
    return f"complainants.identity:{complaint_id}"


async def insert_complainants(
    tx: Transaction, source_id: MemberId, drafts: Sequence[tuple[str, ComplainantDraft]]
) -> None:
    """Seal and keep the complainants of new complaints, given by complaint id, in one statement."""
    if not drafts:
        return
    rows = [
        {
            "complaint_id": complaint_id,
            "identity_sealed": f"\\x{tx.keyring.seal(orjson.dumps(asdict(draft)), _context(complaint_id)).hex()}",
        }
        for complaint_id, draft in drafts
    ]
    parameters = {"source_id": source_id, "recorded_at": tx.as_of, "drafts": orjson.dumps(rows).decode()}
    await tx.execute(_INSERT, parameters)


async def reveal_complainant(tx: Transaction, complaint_id: str, *, purpose: str) -> Complainant:
    """Show an officer who complained; each time is an event with its purpose.

    Errors: ForbiddenError, OfficerRequiredError, PurposeMissingError; UnknownError, also where none is recorded.
    """
    officer_id = require_officer(tx.viewer)
    checked = check_text(purpose, field="purpose", length_max=_PURPOSE_LENGTH_MAX)
    if not checked:
        raise PurposeMissingError(field="purpose")
    complaint = await get_complaint(tx, complaint_id)
    statement = select(complainants.c.identity_sealed).where(complainants.c.complaint_id == complaint.id)
    async with tx.role(Role.REVEAL):
        sealed = (await tx.execute(statement)).scalar_one_or_none()
    if sealed is None:
        raise UnknownError("No complainant is recorded for this complaint.", field="complaintId")
    await _record_reveal(tx, complaint.id, officer_id=officer_id, purpose=checked)
    return Complainant(complaint_id=complaint.id, **orjson.loads(tx.keyring.open(sealed, _context(complaint.id))))


async def _record_reveal(tx: Transaction, complaint_id: ComplaintId, *, officer_id: OfficerId, purpose: str) -> None:
    reveal_id, salt = new_id(), secrets.token_bytes(_SALT_BYTES)
    sealed = tx.keyring.seal(orjson.dumps({"purpose": purpose, "salt": salt.hex()}), _reveal_context(reveal_id))
    row = {
        "id": reveal_id,
        "complaint_id": complaint_id,
        "officer_id": officer_id,
        "client_id": tx.viewer.client_id,
        "purpose_sealed": sealed,
        "revealed_at": tx.as_of,
    }
    event = EventDraft(
        kind=EventKind.COMPLAINANT_REVEALED,
        subject=Subject.COMPLAINT,
        subject_id=complaint_id,
        payload={"revealId": reveal_id, "purposeHash": hashlib.sha256(salt + purpose.encode()).hexdigest()},
    )
    async with tx.role(Role.TRANSITION):
        await tx.execute(complainant_reveals.insert().values(row))
    await append_events(tx, [event])


async def load_reveals(tx: Transaction, complaint_ids: Sequence[str]) -> dict[str, list[ComplainantReveal]]:
    """Who was shown the complainant of each complaint, oldest first, in one statement, for the regulator.

    Every asked complaint has an entry.
    """
    found: dict[str, list[ComplainantReveal]] = {complaint_id: [] for complaint_id in complaint_ids}
    if not tx.viewer.is_regulator:
        return found
    c = complainant_reveals.c
    known = [parsed for complaint_id in complaint_ids if (parsed := parse_id(complaint_id))]
    statement = select(complainant_reveals).where(c.complaint_id.in_(known)).order_by(c.id)
    for row in (await tx.execute(statement)).mappings():
        said = orjson.loads(tx.keyring.open(row["purpose_sealed"], _reveal_context(row["id"])))
        found[row["complaint_id"]].append(
            ComplainantReveal(
                id=row["id"],
                complaint_id=row["complaint_id"],
                officer_id=row["officer_id"],
                client_id=row["client_id"],
                purpose=said["purpose"],
                purpose_salt=bytes.fromhex(said["salt"]),
                revealed_at=row["revealed_at"],
            )
        )
    return found


def _reveal_context(reveal_id: str) -> str:
    return f"complainant_reveals.purpose:{reveal_id}"
