"""Complaints before they are filed: what a source sends, validated and cleaned. Pure: no storage.

A draft that passes is complete: it can be filed and its verification can begin.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import orjson

from ledger.accounts.forms import ReadAccount, is_named_by_number, read_account
from ledger.complaints.chronologies import check_chronology, digest_chronology
from ledger.complaints.complainant_drafts import ComplainantDraft, check_complainant, reference_complainant
from ledger.complaints.evidence_drafts import EvidenceDraft, check_evidence, hash_content
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.copies import replace
from ledger.errors import ConflictError, InvalidInputError, TimeInvalidError
from ledger.identifiers import ComplaintId, new_id
from ledger.numbers.forms import HOME_REGION, ParsedNumber, parse_number
from ledger.policies import INCIDENT_SKEW, FilingPolicy
from ledger.storage.sealing import Keyring
from ledger.texts import check_optional_reference, check_optional_text
from ledger.vocabulary import Category, HoldReason

LOSS_RUPIAH_MAX = 10**15
_REFERENCE_LENGTH_MAX = 128
_PLATFORM_LENGTH_MAX = 64
_HANDLE_LENGTH_MAX = 256
_URL_LENGTH_MAX = 2048
_OCCURRENCE_MAX = 2**31 - 1
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class NumberMissingError(InvalidInputError):
    """The complaint names neither a number nor an account."""

    code = "NUMBER_MISSING"


class AccountIncompleteError(InvalidInputError):
    """An account needs a platform together with a handle or a web address."""

    code = "ACCOUNT_INCOMPLETE"
    hint = "On a platform whose accounts are telephone numbers, such as WhatsApp, the complaint's number is enough."


class AccountUrlError(InvalidInputError):
    """This is not the web address of an account."""

    code = "ACCOUNT_URL_INVALID"
    hint = "Send an address that begins with https://."


class LossInvalidError(InvalidInputError):
    """The loss is negative or too large."""

    code = "LOSS_INVALID"


class OccurrenceInvalidError(InvalidInputError):
    """The occurrence is out of range; it counts from 1."""

    code = "OCCURRENCE_INVALID"


class SourceReferenceReusedError(ConflictError):
    """The source has already used this reference for another complaint."""

    code = "SOURCE_REFERENCE_REUSED"
    hint = "Give each complaint its own reference; repeating a reference means the same complaint."


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintDraft:
    """A complaint to be filed, against a number or an account or both.

    On a platform whose accounts are telephone numbers, the number without a handle names the account too.
    number is as written, read as a number of the region. incident_at has a UTC offset.
    occurrence distinguishes identical complaints without a reference: the first is 1.
    """

    medium: Medium
    category: Category
    remedy: Remedy = Remedy.NUMBER_BLOCK
    source_reference: str | None = None
    number: str | None = None
    region: str = HOME_REGION
    account_platform: str | None = None
    account_handle: str | None = None
    account_url: str | None = None
    incident_at: datetime | None = None
    chronology: str | None = None
    loss_rupiah: int | None = None
    complainant: ComplainantDraft | None = None
    evidence: tuple[EvidenceDraft, ...] = ()
    occurrence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedComplaint:
    """A validated draft, with the id that its complaint gets if it is new.

    content_hash is keyed, so that the content can't be guessed from a copy of the table.
    """

    id: ComplaintId
    draft: ComplaintDraft
    number: ParsedNumber | None
    account: ReadAccount | None
    complainant_ref: str | None
    chronology_digest: str | None
    marks: tuple[HoldReason, ...]
    content_hash: str
    occurrence: int

    @property
    def key(self) -> tuple[str, str | int]:
        """The key by which two complaints of one source are the same."""
        if self.draft.source_reference is not None:
            return ("", self.draft.source_reference)
        return (self.content_hash, self.occurrence)


def prepare_complaint(
    draft: ComplaintDraft, *, policy: FilingPolicy, keyring: Keyring, as_of: datetime
) -> PreparedComplaint:
    """Validate a draft. Errors: an InvalidInputError that names the field."""
    number = parse_number(draft.number, region=draft.region) if draft.number and draft.number.strip() else None
    cleaned = replace(
        draft,
        source_reference=check_optional_reference(
            draft.source_reference, field="sourceReference", length_max=_REFERENCE_LENGTH_MAX
        ),
        account_platform=check_optional_text(
            draft.account_platform, field="account.platform", length_max=_PLATFORM_LENGTH_MAX
        ),
        account_handle=check_optional_text(draft.account_handle, field="account.handle", length_max=_HANDLE_LENGTH_MAX),
        account_url=check_optional_reference(draft.account_url, field="account.url", length_max=_URL_LENGTH_MAX),
        incident_at=_check_incident(draft.incident_at, latest=as_of + INCIDENT_SKEW),
        chronology=check_chronology(draft.chronology, policy),
        complainant=check_complainant(draft.complainant) if draft.complainant is not None else None,
        evidence=check_evidence(draft.evidence, policy),
    )
    _check_account(cleaned, has_number=number is not None)
    if draft.loss_rupiah is not None and not 0 <= draft.loss_rupiah <= LOSS_RUPIAH_MAX:
        raise LossInvalidError(field="lossRupiah")
    occurrence = 1 if draft.occurrence is None else draft.occurrence
    if not 1 <= occurrence <= _OCCURRENCE_MAX:
        raise OccurrenceInvalidError(field="occurrence")
    is_protected = number is not None and number.protected_reason is not None
    return PreparedComplaint(
        id=ComplaintId(new_id()),
        draft=cleaned,
        number=number,
        account=name_accused(
            cleaned.account_platform,
            cleaned.account_handle,
            cleaned.account_url,
            e164=number.e164 if number else None,
            region=draft.region,
        ),
        complainant_ref=reference_complainant(keyring, cleaned.complainant) if cleaned.complainant else None,
        chronology_digest=digest_chronology(keyring, cleaned.chronology) if cleaned.chronology else None,
        marks=(HoldReason.SPOOFED_CLI_SUSPECTED,) if is_protected else (),
        content_hash=_hash_content(cleaned, number, keyring),
        occurrence=occurrence,
    )


def name_accused(
    platform: str | None, handle: str | None, url: str | None, *, e164: str | None, region: str = HOME_REGION
) -> ReadAccount | None:
    """Return the account that a complaint is about, read from what it says; None if it names none."""
    if platform is None:
        return None
    return read_account(platform, e164 if handle is None and url is None else handle, url, region=region)


def _check_incident(incident_at: datetime | None, *, latest: datetime) -> datetime | None:
    if incident_at is None:
        return None
    if incident_at.tzinfo is None:
        raise TimeInvalidError("The time of the incident needs a UTC offset.", field="incidentAt")
    if not _EARLIEST <= incident_at <= latest:
        raise TimeInvalidError("The time of the incident is in the future, or before 1970.", field="incidentAt")
    return incident_at.astimezone(UTC)


def _check_account(draft: ComplaintDraft, *, has_number: bool) -> None:
    has_place = draft.account_handle is not None or draft.account_url is not None
    if not has_place and has_number and is_named_by_number(draft.account_platform or ""):
        return
    if has_place != (draft.account_platform is not None):
        raise AccountIncompleteError(field="account")
    if not has_number and not has_place:
        raise NumberMissingError(field="number")
    if draft.account_url is not None and not draft.account_url.lower().startswith(("https://", "http://")):
        raise AccountUrlError(field="account.url")


def _hash_content(draft: ComplaintDraft, number: ParsedNumber | None, keyring: Keyring) -> str:
    """Hash everything that a complaint says, and nothing about how it was sent."""
    content = [
        number.e164 if number else None,
        draft.account_platform,
        draft.account_handle,
        draft.account_url,
        draft.medium,
        draft.category,
        draft.incident_at,
        draft.chronology,
        draft.loss_rupiah,
        draft.remedy,
        asdict(draft.complainant) if draft.complainant else None,
        [hash_content(piece) for piece in draft.evidence],
    ]
    return keyring.reference(f"complaint:{orjson.dumps(content).decode()}")
