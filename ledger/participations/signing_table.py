"""The tables of what both sides sign: the regulator's terms by version, and the proposals that name one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index, text

from ledger.feed.vocabulary import Subject
from ledger.identifiers import MemberId, OfficerId, ParticipationId, ParticipationProposalId, TermsId
from ledger.participations.states import OPEN_PROPOSAL_STATES, ProposalState
from ledger.participations.vocabulary import Disclosure, Party, PermittedUse, TransferBasis
from ledger.storage.access import EVERYTHING, ME, Access, reads
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import KEY, UNIQUE, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.vocabulary import Category

_STAFF = only(Role.REGULATOR, Role.OPERATOR)
_READERS = (Role.REGULATOR, Role.OPERATOR, Role.PROVIDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTerms:
    """One version of the regulator's terms. It is never changed; the next version supersedes it.

    terms_hash is the SHA-256 of content_text, which is the canonical text of the version with all its languages.
    """

    id: Annotated[TermsId, KEY]
    version: Annotated[int, UNIQUE]
    content_text: str
    terms_hash: str
    published_by: Annotated[OfficerId | None, references("officers.id"), _STAFF] = None
    published_at: datetime


# Also the database knows that a hash is that of its text.
_HASHED = "{hash} = encode(sha256(convert_to(content_text, 'UTF8')), 'hex')"

published_terms = declare(
    "participation_terms",
    PublishedTerms,
    CheckConstraint("version > 0", name="version_positive"),
    CheckConstraint(_HASHED.format(hash="terms_hash"), name="hash_of_text"),
    access=(*reads(*_READERS), Access(role=Role.TRANSITION, select=EVERYTHING, insert=True)),
    committed_by=CommittedBy(Subject.PARTICIPATION_TERMS),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsText:
    """A version in one language. The text at place 0 prevails if two of them differ."""

    terms_id: Annotated[TermsId, KEY, references("participation_terms.id")]
    place: Annotated[int, KEY]
    language: str
    text: str


terms_texts = declare(
    "participation_terms_texts",
    TermsText,
    Index("uq_participation_terms_texts_terms_id", "terms_id", "language", unique=True),
    access=(*reads(*_READERS), Access(role=Role.TRANSITION, select=EVERYTHING, insert=True)),
    committed_by=CommittedBy(Subject.PARTICIPATION_TERMS, "terms_id"),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipationProposal:
    """Terms that both sides have to sign, as they are signed: only its state and the signatures change.

    content_text is what is signed, and content_hash the SHA-256 that both name; the other fields say the same in
    columns. starts_at None means as soon as both have signed. replaces_id is the participation that was standing.
    """

    id: Annotated[ParticipationProposalId, KEY]
    member_id: Annotated[MemberId, references("members.id")]
    state: ProposalState
    proposed_by: Party
    replaces_id: ParticipationId | None = None
    terms_id: Annotated[TermsId, references("participation_terms.id")]
    terms_hash: str
    categories: tuple[Category, ...]
    permitted_uses: tuple[PermittedUse, ...]
    purpose: str
    controller_roles: str
    transfer_basis: TransferBasis
    transfer_ground: str | None = None
    retention_days: int
    breach_contact: str
    disclosure: Disclosure
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    content_text: str
    content_hash: str
    proposed_at: datetime
    offered_by: Annotated[OfficerId | None, references("officers.id"), _STAFF] = None
    accepted_by: Annotated[OfficerId | None, references("officers.id")] = None
    accepted_at: datetime | None = None
    countersigned_by: Annotated[OfficerId | None, references("officers.id"), _STAFF] = None
    countersigned_at: datetime | None = None
    ended_at: datetime | None = None
    end_note: str | None = None


OPEN_PER_MEMBER = "uq_participation_proposals_member_id"
"""A member has at most one proposal that waits for a side."""
_OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN_PROPOSAL_STATES))
_ACCEPTED = "(accepted_by IS NULL) = (accepted_at IS NULL)"
_COUNTERSIGNED = "(countersigned_by IS NULL) = (countersigned_at IS NULL)"

participation_proposals = declare(
    "participation_proposals",
    ParticipationProposal,
    CheckConstraint("cardinality(categories) > 0 AND cardinality(permitted_uses) > 0", name="content_whole"),
    CheckConstraint("retention_days > 0", name="retention_positive"),
    CheckConstraint(_HASHED.format(hash="content_hash"), name="hash_of_text"),
    CheckConstraint(f"{_ACCEPTED} AND {_COUNTERSIGNED}", name="signatures_dated"),
    CheckConstraint("state NOT IN ('ACCEPTED', 'COUNTERSIGNED') OR accepted_by IS NOT NULL", name="accepted_signed"),
    CheckConstraint("(state = 'COUNTERSIGNED') = (countersigned_by IS NOT NULL)", name="countersigned_signed"),
    CheckConstraint("accepted_by <> countersigned_by", name="signatories_differ"),
    Index(OPEN_PER_MEMBER, "member_id", unique=True, postgresql_where=text(f"state IN ({_OPEN})")),
    Index("ix_participation_proposals_member_id_id", "member_id", "id"),
    access=(
        *reads(Role.REGULATOR, Role.OPERATOR),
        *reads(Role.PROVIDER, rows=f"member_id = {ME}"),
        Access(
            role=Role.TRANSITION,
            select=EVERYTHING,
            insert=True,
            update=(
                "state", "accepted_by", "accepted_at", "countersigned_by", "countersigned_at", "ended_at", "end_note",
            ),
        ),
    ),
    committed_by=CommittedBy(Subject.PARTICIPATION_PROPOSAL),
    is_watched=True,
)  # fmt: skip
