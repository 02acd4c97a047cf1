"""The tables of complaints, complainants and evidence. Chronologies, complainants and evidence are stored sealed.

The log commits to sealed values by the digests beside them, all of which are keyed except evidence's SHA-256.
"""

import hashlib
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    Text,
    and_,
    literal_column,
    text,
)

from ledger.complaints.chronologies import digest_chronology
from ledger.complaints.contents import digest_content
from ledger.complaints.states import AWAITING_VERIFICATION, ENDED_STATES, ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome, Medium, RejectionReason, Remedy
from ledger.feed.vocabulary import Subject
from ledger.identifiers import (
    AccountId,
    ClientId,
    ComplaintId,
    ContentId,
    EvidenceId,
    MemberId,
    NoteId,
    OfficerId,
    RevealId,
)
from ledger.serial_numbers import render_serial_no
from ledger.storage.access import EVERYTHING, ME, WRITTEN_NOW, Access, reads
from ledger.storage.columns import is_one_of
from ledger.storage.commitments import CommittedBy, Elsewhere, Sealed
from ledger.storage.markers import (
    AS_OF,
    ASSIGNED,
    BIG,
    DERIVED,
    KEY,
    SERIAL,
    UNIQUE,
    Columns,
    derived,
    only,
    references,
)
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring
from ledger.vocabulary import Category, HoldReason

_OWN = f"source_id = {ME}"
_FILED_BY_SOURCES = (
    Access(role=Role.REGULATOR, written=_OWN, select=EVERYTHING, insert=True),
    Access(role=Role.AGENCY, rows=_OWN, select=EVERYTHING, insert=True),
)
_OF_EVERY_SOURCE = "occurrence >= 1"
ENDED_AT = "greatest(filed_at, decided_at, resolved_at)"
"""When a complaint that has ended did so; of one that its source withdrew, when it was last decided on, or filed."""
HAS_ENDED = f"state IN ({', '.join(repr(str(state)) for state in sorted(ENDED_STATES))})"
_IS_HELD = (
    "EXISTS (SELECT 1 FROM legal_holds h WHERE h.released_at IS NULL AND (h.subject IS NULL "
    "OR (h.subject = 'COMPLAINT' AND h.subject_id = complaints.id::text) "
    "OR (h.subject = 'NUMBER' AND h.subject_id = complaints.e164) "
    "OR (h.subject = 'BLOCK_ORDER' AND EXISTS (SELECT 1 FROM order_complaints oc "
    "WHERE oc.complaint_id = complaints.id AND oc.order_id::text = h.subject_id))))"
)
IS_ERASABLE = f"{HAS_ENDED} AND NOT {_IS_HELD}"
"""Whether retention may erase what a complaint contains, once it is old enough: it has ended, and no hold covers it."""
OF_ERASABLE = f"complaint_id IN (SELECT complaints.id FROM complaints WHERE {IS_ERASABLE})"
"""The same of a row that belongs to a complaint."""
SAME_REFERENCE = "uq_complaints_source_id_source_reference"
SAME_CONTENT = "uq_complaints_source_id_content_hash_occurrence"
"""The unique indexes that identify a complaint as one that its source filed before."""
_REGULATOR_ALONE = only(Role.REGULATOR)
ERASED_FIELDS = ("chronology_sealed", "chronology_digest", "complainant_ref", "info_request", "decision_note")
"""What of a complaint itself is about persons: retention sets it to NULL."""


def _erases(*columns: str, select: tuple[str, ...] = ()) -> Access:
    """What retention may do with the rows of a complaint that has ended: leave them, with nothing in them."""
    return Access(role=Role.RETENTION, select=("complaint_id", *select), update=columns, changed=OF_ERASABLE)


def _digest_chronology(keyring: Keyring, plaintext: bytes, _context: str) -> str:
    return digest_chronology(keyring, plaintext.decode())


def _digest_content(_keyring: Keyring, plaintext: bytes, _context: str) -> str:
    return hashlib.sha256(plaintext).hexdigest()


def _is_verification_overdue(c: Columns) -> ColumnElement[Any]:
    """Never NULL, and usable as an index condition."""
    awaits = is_one_of(c.state, (state.value for state in AWAITING_VERIFICATION))
    return and_(awaits, c.verification_due_at.is_not(None), c.verification_due_at < AS_OF)


def _is_claimed(c: Columns) -> ColumnElement[Any]:
    """Never NULL: a claim ends by itself."""
    return and_(c.claim_ends_at.is_not(None), c.claim_ends_at > AS_OF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One complaint as the viewer may see it. Fields that only the regulator may see are None for others.

    account_id is the account that the platform, handle and URL, which are kept as they were written, lead to.
    info_request is what an officer asks the source while the complaint is NEEDS_INFO. chronology_digest is equal for
    equal texts. outcome is the best of all
    instruments, order_outcome and referral_outcome that of each kind alone; None for a kind that it didn't lead to.
    is_verification_overdue: the complaint still waits for an officer although its verification was due.
    is_claimed: an officer has taken it, and the claim has not ended. erased_at: retention erased what it contained.
    """

    id: Annotated[ComplaintId, KEY]
    ticket_serial: Annotated[int, BIG, SERIAL, UNIQUE] = ASSIGNED
    ticket_no: Annotated[str, derived(lambda c: render_serial_no("T", c.filed_at, c.ticket_serial))] = DERIVED
    source_id: Annotated[MemberId, references("members.id")]
    source_reference: str | None = None
    e164: Annotated[str | None, references("phone_numbers.e164")] = None
    epoch: int | None = None
    epoch_uncertain: bool = True
    account_id: Annotated[AccountId | None, references("accounts.id")] = None
    account_platform: str | None = None
    account_handle: str | None = None
    account_url: str | None = None
    medium: Medium
    category: Category
    incident_at: datetime | None = None
    loss_rupiah: Annotated[int | None, BIG] = None
    remedy: Remedy
    chronology_digest: Annotated[str | None, _REGULATOR_ALONE] = None
    complainant_ref: str | None = None
    marks: tuple[HoldReason, ...] = ()
    state: ComplaintState = ComplaintState.SUBMITTED
    rejection_reason: RejectionReason | None = None
    info_request: str | None = None
    decision_note: Annotated[str | None, _REGULATOR_ALONE] = None
    outcome: ComplaintOutcome | None = None
    order_outcome: ComplaintOutcome | None = None
    referral_outcome: ComplaintOutcome | None = None
    duplicate_of: Annotated[ComplaintId | None, references("complaints.id")] = None
    decided_by: Annotated[OfficerId | None, references("officers.id"), _REGULATOR_ALONE] = None
    filed_at: datetime
    complete_at: datetime | None = None
    verification_due_at: datetime | None = None
    is_verification_overdue: Annotated[bool, derived(_is_verification_overdue)] = DERIVED
    decided_at: datetime | None = None
    resolved_at: datetime | None = None
    complainant_informed_at: datetime | None = None
    claimed_by: Annotated[OfficerId | None, references("officers.id"), _REGULATOR_ALONE] = None
    claimed_at: Annotated[datetime | None, _REGULATOR_ALONE] = None
    claim_ends_at: Annotated[datetime | None, _REGULATOR_ALONE] = None
    is_claimed: Annotated[bool | None, derived(_is_claimed), _REGULATOR_ALONE] = DERIVED
    assigned_to: Annotated[OfficerId | None, references("officers.id"), _REGULATOR_ALONE] = None
    assigned_by: Annotated[OfficerId | None, references("officers.id"), _REGULATOR_ALONE] = None
    assigned_at: Annotated[datetime | None, _REGULATOR_ALONE] = None
    erased_at: datetime | None = None


complaints = declare(
    "complaints",
    Complaint,
    Column("content_hash", Text, nullable=False),
    Column("occurrence", Integer, nullable=False, server_default=text("1")),
    Column("chronology_sealed", LargeBinary),
    CheckConstraint("e164 IS NOT NULL OR account_platform IS NOT NULL", name="number_or_account"),
    CheckConstraint("(e164 IS NULL) = (epoch IS NULL)", name="epoch_with_number"),
    CheckConstraint("loss_rupiah >= 0", name="loss_not_negative"),
    CheckConstraint("(state = 'REJECTED') <= (rejection_reason IS NOT NULL)", name="rejected_with_reason"),
    CheckConstraint("(state = 'DUPLICATE') <= (duplicate_of IS NOT NULL)", name="duplicate_of_something"),
    Index(
        # The reference comes first, so that the regulator finds it without knowing the source.
        SAME_REFERENCE,
        "source_reference",
        "source_id",
        unique=True,
        postgresql_where=text("source_reference IS NOT NULL"),
    ),
    Index(
        SAME_CONTENT,
        "source_id",
        "content_hash",
        "occurrence",
        unique=True,
        postgresql_where=text("source_reference IS NULL"),
    ),
    Index("ix_complaints_e164_state", "e164", "state"),
    Index("ix_complaints_account_id_id", "account_id", "id", postgresql_where=text("account_id IS NOT NULL")),
    Index(
        "ix_complaints_source_id_account_id",
        "source_id",
        "account_id",
        postgresql_where=text("account_id IS NOT NULL"),
    ),
    Index(
        "ix_complaints_unbound",
        "id",
        postgresql_where=text("account_platform IS NOT NULL AND account_id IS NULL"),
    ),
    Index("ix_complaints_state_id", "state", "id"),
    Index("ix_complaints_source_id_id", "source_id", "id"),
    Index("ix_complaints_verification_due_at_id", "verification_due_at", "id", postgresql_where=text(_OF_EVERY_SOURCE)),
    Index("ix_complaints_source_id_verification_due_at_id", "source_id", "verification_due_at", "id"),
    Index("ix_complaints_filed_at_id", "filed_at", "id", postgresql_where=text(_OF_EVERY_SOURCE)),
    Index("ix_complaints_source_id_filed_at_id", "source_id", "filed_at", "id"),
    Index(
        "ix_complaints_decided_by_decided_at_id",
        "decided_by",
        "decided_at",
        "id",
        postgresql_where=text("decided_by IS NOT NULL"),
    ),
    Index(
        "ix_complaints_decided_at_id",
        "decided_at",
        "id",
        postgresql_where=text(f"decided_at IS NOT NULL AND {_OF_EVERY_SOURCE}"),
    ),
    Index(
        "ix_complaints_source_id_decided_at_id",
        "source_id",
        "decided_at",
        "id",
        postgresql_where=text("decided_at IS NOT NULL"),
    ),
    Index(
        "ix_complaints_unerased",
        text(ENDED_AT),
        "id",
        postgresql_where=text(f"erased_at IS NULL AND {HAS_ENDED}"),
    ),
    Index("ix_complaints_claimed_by_id", "claimed_by", "id", postgresql_where=text("claimed_by IS NOT NULL")),
    Index("ix_complaints_claim_ends_at_id", "claim_ends_at", "id", postgresql_where=text("claim_ends_at IS NOT NULL")),
    Index("ix_complaints_assigned_to_id", "assigned_to", "id", postgresql_where=text("assigned_to IS NOT NULL")),
    Index(
        "ix_complaints_complainant_ref",
        "complainant_ref",
        "id",
        postgresql_where=text("complainant_ref IS NOT NULL"),
    ),
    access=(
        *_FILED_BY_SOURCES,
        Access(role=Role.TRANSITION, select=EVERYTHING, update=EVERYTHING),
        Access(role=Role.JOBS, select=("id", "chronology_sealed"), update=("chronology_sealed",)),
        *reads(Role.ARCHIVE, select=("id", "e164")),
        Access(
            role=Role.RETENTION,
            select=("id", "e164", "source_id", "state", "filed_at", "decided_at", "resolved_at", "erased_at"),
            update=(*ERASED_FIELDS, "erased_at"),
            changed=IS_ERASABLE,
        ),
    ),
    # The account follows from its platform, handle and URL as they were written, which are committed to.
    committed_by=CommittedBy(
        Subject.COMPLAINT,
        without=frozenset({"account_id"}),
        sealed={"chronology_sealed": Sealed("chronology_digest", _digest_chronology)},
    ),
    is_watched=True,
)

OF_EVERY_SOURCE = complaints.c.occurrence >= literal_column("1")
"""True of every complaint, as OF_EVERY_CARRIER is of orders: for who reads all sources' complaints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedComplainant:
    """A complainant's name, identity number, address, telephone number and e-mail, as one sealed JSON document."""

    complaint_id: Annotated[ComplaintId, KEY, references("complaints.id")]
    source_id: Annotated[MemberId, references("members.id", index=True)]
    identity_sealed: bytes
    identity_digest: str | None = None
    recorded_at: datetime


complainants = declare(
    "complainants",
    SealedComplainant,
    access=(
        Access(role=Role.REGULATOR, rows=_OWN, insert=True),
        Access(role=Role.AGENCY, rows=_OWN, select=EVERYTHING, insert=True),
        # Used to read one complainant, for a recorded purpose.
        *reads(Role.REVEAL),
        *reads(Role.TRANSITION, select=(WRITTEN_NOW, "complaint_id", "source_id", "identity_digest", "recorded_at")),
        Access(role=Role.JOBS, select=("complaint_id", "identity_sealed"), update=("identity_sealed",)),
        _erases("identity_sealed", "identity_digest"),
    ),
    committed_by=CommittedBy(
        Subject.COMPLAINT, "complaint_id", sealed={"identity_sealed": Sealed("identity_digest", Keyring.digest)}
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reveal:
    """A record that an officer was shown a complainant. The purpose is sealed: its free text may name a person."""

    id: Annotated[RevealId, KEY]
    complaint_id: Annotated[ComplaintId, references("complaints.id", index=True)]
    officer_id: Annotated[OfficerId, references("officers.id")]
    client_id: ClientId | None = None
    purpose_sealed: bytes
    purpose_digest: str | None = None
    revealed_at: datetime


complainant_reveals = declare(
    "complainant_reveals",
    Reveal,
    access=(
        Access(role=Role.TRANSITION, select=EVERYTHING, insert=True),
        *reads(Role.REGULATOR),
        Access(role=Role.JOBS, select=("id", "purpose_sealed"), update=("purpose_sealed",)),
        _erases("purpose_sealed", "purpose_digest"),
    ),
    committed_by=CommittedBy(
        Subject.COMPLAINT, "complaint_id", sealed={"purpose_sealed": Sealed("purpose_digest", Keyring.digest)}
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The metadata of one piece of evidence, readable without unsealing it.

    content_id is that of the upload that its bytes are; without it they are sealed in the row, which otherwise has
    nothing sealed. erased_at: retention erased its bytes, and neither place has them.
    """

    id: Annotated[EvidenceId, KEY]
    complaint_id: Annotated[ComplaintId, references("complaints.id", index=True)]
    source_id: Annotated[MemberId, references("members.id", index=True)]
    media_type: str
    file_name: str | None = None
    size_bytes: Annotated[int, BIG]
    sha256: str
    captured_at: datetime | None = None
    recorded_at: datetime
    content_id: Annotated[ContentId | None, references("evidence_contents.id", index=True)] = None
    erased_at: datetime | None = None


evidence = declare(
    "evidence",
    Evidence,
    Column("content_sealed", LargeBinary, nullable=False),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_form"),
    CheckConstraint("size_bytes >= 0", name="size_not_negative"),
    access=(
        *_FILED_BY_SOURCES,
        *reads(Role.TRANSITION, select=(WRITTEN_NOW, *(field.name for field in fields(Evidence)))),
        Access(role=Role.JOBS, select=("id", "content_sealed"), update=("content_sealed",)),
        _erases(
            "content_sealed", "file_name", "captured_at", "content_id", "erased_at", select=("content_id", "erased_at")
        ),
    ),
    committed_by=CommittedBy(
        Subject.COMPLAINT,
        "complaint_id",
        sealed={"content_sealed": Sealed("sha256", _digest_content, unless=("content_id", "erased_at"))},
        elsewhere=Elsewhere("content_id", size="size_bytes", digest="sha256", compute=digest_content),
    ),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintNote:
    """What an officer noted on a complaint, sealed: it may name a person. Nobody changes a note, or takes it back."""

    id: Annotated[NoteId, KEY]
    complaint_id: Annotated[ComplaintId, references("complaints.id", index=True)]
    officer_id: Annotated[OfficerId, references("officers.id")]
    text_sealed: bytes
    text_digest: str | None = None
    noted_at: datetime


complaint_notes = declare(
    "complaint_notes",
    ComplaintNote,
    access=(
        Access(role=Role.TRANSITION, select=EVERYTHING, insert=True),
        *reads(Role.REGULATOR),
        Access(role=Role.JOBS, select=("id", "text_sealed"), update=("text_sealed",)),
        _erases("text_sealed", "text_digest"),
    ),
    committed_by=CommittedBy(
        Subject.COMPLAINT, "complaint_id", sealed={"text_sealed": Sealed("text_digest", Keyring.digest)}
    ),
)
