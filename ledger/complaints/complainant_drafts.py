"""Complainants' details as a source sends them: validated, and referenced by a keyed hash. Pure: no storage."""

import re
from dataclasses import dataclass

from ledger.errors import InvalidInputError, NumberInvalidError
from ledger.numbers.forms import parse_number
from ledger.storage.sealing import Keyring
from ledger.texts import check_optional_text, check_text

_NAME_LENGTH_MAX = 200
_CONTACT_LENGTH_MAX = 254
_ADDRESS_LENGTH_MAX = 1000
_NOT_LETTER_OR_DIGIT = re.compile(r"[\W_]+")


class ComplainantIncompleteError(InvalidInputError):
    """The complainant has no name."""

    code = "COMPLAINANT_INCOMPLETE"
    hint = "Omit the complainant if the name is not known."


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplainantDraft:
    """A complainant's details, as the source recorded them."""

    name: str
    identity_number: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None


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
    """Return the keyed hash that identifies the same person, regardless of source, case and punctuation.

    It is made from the identity number or else the telephone number, the e-mail address, or the name with the address.
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
