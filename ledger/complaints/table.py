"""Complaints, who complained, and the evidence. Chronology, evidence and complainant data are sealed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome, Medium, RejectionReason, Remedy
from ledger.storage.columns import each_of, id_column, moment, one_of, reference, text_list
from ledger.storage.metadata import metadata
from ledger.vocabulary import Category, HoldReason

complaints = Table(
    "complaints",
    metadata,
    id_column(),
    Column("ticket_serial", BigInteger, Identity(always=True), nullable=False, unique=True),
    reference("source_id", "members.id"),
    Column("source_reference", Text),
    Column("content_hash", Text, nullable=False),
    Column("occurrence", Integer, nullable=False, server_default=text("1")),
    Column("e164", Text, ForeignKey("phone_numbers.e164"), nullable=True),
    Column("epoch", Integer),
    Column("epoch_uncertain", Boolean, nullable=False, server_default=text("true")),
    Column("account_platform", Text),
    Column("account_handle", Text),
    Column("account_url", Text),
    Column("medium", Text, nullable=False),
    Column("category", Text, nullable=False),
    moment("incident_at", nullable=True),
    Column("loss_rupiah", BigInteger),
    Column("remedy", Text, nullable=False),
    Column("chronology_sealed", LargeBinary),
    Column("chronology_digest", Text),
    Column("complainant_ref", Text),
    text_list("marks"),
    Column("state", Text, nullable=False, server_default=ComplaintState.SUBMITTED),
    Column("rejection_reason", Text),
    Column("info_request", Text),
    Column("decision_note", Text),
    Column("outcome", Text),
    reference("duplicate_of", "complaints.id", nullable=True),
    reference("decided_by", "officers.id", nullable=True),
    moment("filed_at"),
    moment("complete_at", nullable=True),
    moment("verification_due_at", nullable=True),
    moment("decided_at", nullable=True),
    moment("resolved_at", nullable=True),
    moment("complainant_informed_at", nullable=True),
    CheckConstraint("e164 IS NOT NULL OR account_platform IS NOT NULL", name="number_or_account"),
    CheckConstraint("(e164 IS NULL) = (epoch IS NULL)", name="epoch_with_number"),
    CheckConstraint("loss_rupiah >= 0", name="loss_not_negative"),
    CheckConstraint("(state = 'REJECTED') <= (rejection_reason IS NOT NULL)", name="rejected_with_reason"),
    CheckConstraint("(state = 'DUPLICATE') <= (duplicate_of IS NOT NULL)", name="duplicate_of_something"),
    one_of("state", ComplaintState),
    one_of("medium", Medium),
    one_of("category", Category),
    one_of("remedy", Remedy),
    one_of("rejection_reason", RejectionReason),
    one_of("outcome", ComplaintOutcome),
    each_of("marks", HoldReason),
    Index(
        "uq_complaints_source_id_source_reference",
        "source_id",
        "source_reference",
        unique=True,
        postgresql_where=text("source_reference IS NOT NULL"),
    ),
    Index(
        "uq_complaints_source_id_content_hash_occurrence",
        "source_id",
        "content_hash",
        "occurrence",
        unique=True,
        postgresql_where=text("source_reference IS NULL"),
    ),
    Index("ix_complaints_e164_state", "e164", "state"),
    Index("ix_complaints_state_id", "state", "id"),
    Index("ix_complaints_source_id_id", "source_id", "id"),
    Index("ix_complaints_verification_due_at_id", "verification_due_at", "id"),
    Index(
        "ix_complaints_complainant_ref",
        "complainant_ref",
        "id",
        postgresql_where=text("complainant_ref IS NOT NULL"),
    ),
)

complainants = Table(
    "complainants",
    metadata,
    reference("complaint_id", "complaints.id", primary_key=True),
    reference("source_id", "members.id", index=True),
    Column("identity_sealed", LargeBinary, nullable=False),
    moment("recorded_at"),
)
"""One sealed JSON document a complaint: name, identity number, address, telephone number, e-mail."""

complainant_reveals = Table(
    "complainant_reveals",
    metadata,
    id_column(),
    reference("complaint_id", "complaints.id", index=True),
    reference("officer_id", "officers.id"),
    Column("client_id", Text),
    Column("purpose_sealed", LargeBinary, nullable=False),
    moment("revealed_at"),
)
"""Who was shown a complainant, and what for. The purpose is an officer's free text and may name a person."""

evidence = Table(
    "evidence",
    metadata,
    id_column(),
    reference("complaint_id", "complaints.id", index=True),
    reference("source_id", "members.id", index=True),
    Column("media_type", Text, nullable=False),
    Column("file_name", Text),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("content_sealed", LargeBinary, nullable=False),
    moment("captured_at", nullable=True),
    moment("recorded_at"),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_form"),
    CheckConstraint("size_bytes >= 0", name="size_not_negative"),
)
