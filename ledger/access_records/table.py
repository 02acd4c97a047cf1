"""The tables of access records and of their seals. Rows are only inserted; retention alone deletes, and only old ones.

No role may update a record. The floor of a year is in the database itself: not even the role of retention can delete a
younger one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index

from ledger.accesses import AccessKind
from ledger.identifiers import AccessRecordId, AccessSealId, ClientId, MemberId, OfficerId
from ledger.storage.access import EVERYTHING, Access, reads
from ledger.storage.markers import KEY, references
from ledger.storage.records import declare
from ledger.storage.roles import Role

SUBJECTS_MAX = 1_000
"""How many ids one record holds; an operation that showed more has several records."""
_IS_OLD = "{} < now() - interval '365 days'"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRecord:
    """One kind of thing that one operation showed to one party.

    listed names the list if the kind is LIST. subject_ids are the ids, or the numbers, of what was shown; of what
    belongs to a complaint, the complaint's. operation_name is the client's own word; document_hash is the hexadecimal
    SHA-256 of the operation's text.
    """

    id: Annotated[AccessRecordId, KEY]
    recorded_at: datetime
    member_id: Annotated[MemberId, references("members.id")]
    officer_id: Annotated[OfficerId | None, references("officers.id")] = None
    client_id: ClientId | None = None
    kind: AccessKind
    listed: str | None = None
    subject_ids: tuple[str, ...]
    operation_name: str | None = None
    document_hash: str
    request_id: str


access_records = declare(
    "access_records",
    AccessRecord,
    CheckConstraint("(kind = 'LIST') = (listed IS NOT NULL)", name="list_named"),
    CheckConstraint(f"cardinality(subject_ids) BETWEEN 1 AND {SUBJECTS_MAX}", name="subjects_bounded"),
    CheckConstraint("document_hash ~ '^[0-9a-f]{64}$'", name="document_hash_form"),
    Index("ix_access_records_officer_id_id", "officer_id", "id"),
    Index("ix_access_records_recorded_at", "recorded_at"),
    Index("ix_access_records_subject_ids", "subject_ids", postgresql_using="gin"),
    access=(
        Access(role=Role.TRANSITION, insert=True),
        *reads(Role.REGULATOR, Role.JOBS),
        Access(role=Role.RETENTION, rows=_IS_OLD.format("recorded_at"), select=("recorded_at",), delete=True),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSeal:
    """What the log commits to: the records from since until before until, as many as count, under one hash."""

    id: Annotated[AccessSealId, KEY]
    since: datetime
    until: datetime
    count: int
    hash: str
    sealed_at: datetime
    erased_at: datetime | None = None


access_seals = declare(
    "access_seals",
    AccessSeal,
    CheckConstraint("since < until", name="span"),
    CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash_form"),
    Index("uq_access_seals_until", "until", unique=True),
    access=(
        *reads(Role.REGULATOR),
        Access(role=Role.JOBS, select=EVERYTHING, insert=True),
        Access(role=Role.RETENTION, rows=_IS_OLD.format("until"), select=EVERYTHING, update=("erased_at",)),
    ),
)
