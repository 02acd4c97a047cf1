"""What happened, in the complainant's words: validated, sealed, and compared by a keyed digest. Pure: no storage."""

from ledger.errors import TextTooLongError
from ledger.identifiers import ComplaintId
from ledger.policies import FilingPolicy
from ledger.storage.sealing import Keyring
from ledger.texts import check_optional_text


def check_chronology(chronology: str | None, policy: FilingPolicy) -> str | None:
    """Return the chronology cleaned. Errors: TextInvalidError, TextTooLongError."""
    length_max = policy.chronology_characters_max
    if chronology is not None and len(chronology) > length_max:
        said = f"The text is longer than {length_max} characters."
        raise TextTooLongError(said, field="chronology", hint="The bound is JEMBATAN_CHRONOLOGY_CHARACTERS_MAX.")
    return check_optional_text(chronology, field="chronology", length_max=length_max, lines=True)


def digest_chronology(keyring: Keyring, chronology: str) -> str:
    """Return a keyed digest: equal for equal texts, and no help in guessing them from a copy of the table."""
    return keyring.reference(f"chronology:{chronology}")


def seal_chronology(keyring: Keyring, complaint_id: ComplaintId, chronology: str) -> bytes:
    """Return the chronology as it is stored in its complaint's row."""
    return keyring.seal(chronology.encode(), _context(complaint_id))


def open_chronology(keyring: Keyring, complaint_id: ComplaintId, sealed: bytes) -> str:
    """Return the chronology that a complaint's row stores. Errors: EncryptionKeyError."""
    return keyring.open(sealed, _context(complaint_id)).decode()


def _context(complaint_id: ComplaintId) -> str:
    return f"complaints.chronology:{complaint_id}"
