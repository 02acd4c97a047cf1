"""Who complained. Sealed, shown to an officer for a recorded purpose, known elsewhere as a keyed hash.

Nothing of a complainant may reach an event, a log, a carrier or a provider.
Source: domain.md, Complaint and the table of who sees what; field.md section 3.5.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson
from sqlalchemy import select, text

from ledger.complaints import get_complaint
from ledger.errors import InvalidInputError, NumberInvalidError, UnknownError
from ledger.events import EventDraft, EventKind, Subject, append_events
from ledger.identifiers import ComplaintId, MemberId
from ledger.number_forms import parse_number
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring
from ledger.storage.tables import complainants
from ledger.texts import check_optional_text, check_text

_NAME_LENGTH_MAX = 200
_CONTACT_LENGTH_MAX = 254
_ADDRESS_LENGTH_MAX = 1000
_PURPOSE_LENGTH_MAX = 500
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
    require_officer(tx.viewer)
    checked = check_text(purpose, field="purpose", length_max=_PURPOSE_LENGTH_MAX)
    if not checked:
        raise PurposeMissingError(field="purpose")
    complaint = await get_complaint(tx, complaint_id)
    event = EventDraft(
        kind=EventKind.COMPLAINANT_REVEALED,
        subject=Subject.COMPLAINT,
        subject_id=complaint.id,
        payload={"purpose": checked},
    )
    statement = select(complainants.c.identity_sealed).where(complainants.c.complaint_id == complaint.id)
    async with tx.role(Role.REVEAL):
        sealed = (await tx.execute(statement)).scalar_one_or_none()
    if sealed is None:
        raise UnknownError("No complainant is recorded for this complaint.", field="complaintId")
    await append_events(tx, [event])
    return Complainant(complaint_id=complaint.id, **orjson.loads(tx.keyring.open(sealed, _context(complaint.id))))
