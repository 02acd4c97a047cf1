"""The tables of what stands beside the log: its witnesses, their cosignatures, and announced restores from a backup."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index

from ledger.feed.vocabulary import Subject
from ledger.identifiers import LogRestorationId, MemberId, OfficerId, WitnessId
from ledger.storage.access import EVERYTHING, TRANSITION_MOVES, Access, reads
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import BIG, KEY, REQUIRED, UNIQUE, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role

_VIEWERS = (Role.REGULATOR, Role.AGENCY, Role.CARRIER, Role.PROVIDER)
_STAFF = only(Role.REGULATOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A key with which a member cosigns checkpoints, until retired_at; verifier_key is what verifiers configure.

    public_key is its 32 bytes: a key has one name only, since a cosignature doesn't commit to the name.
    """

    id: Annotated[WitnessId, KEY]
    member_id: Annotated[MemberId, references("members.id", index=True)]
    name: str
    verifier_key: str
    public_key: Annotated[bytes, UNIQUE]
    registered_by: Annotated[OfficerId | None, references("officers.id"), _STAFF] = None
    registered_at: datetime
    retired_at: datetime | None = None


feed_witnesses = declare(
    "feed_witnesses",
    Witness,
    access=(*reads(*_VIEWERS, Role.OPERATOR, Role.ARCHIVE), TRANSITION_MOVES),
    committed_by=CommittedBy(Subject.MEMBER, "member_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCosignature:
    """A verified cosignature of a stored checkpoint: the line is authoritative, the time is taken from it."""

    witness_id: Annotated[WitnessId, KEY, references("feed_witnesses.id")]
    tree_size: Annotated[int, BIG, KEY, references("feed_checkpoints.tree_size")]
    witness: str
    verifier_key: str
    line: str
    cosigned_at: datetime
    received_at: datetime


feed_cosignatures = declare(
    "feed_cosignatures",
    StoredCosignature,
    Index("ix_feed_cosignatures_tree_size", "tree_size"),
    access=(
        *reads(*_VIEWERS, Role.ARCHIVE),
        Access(
            role=Role.TRANSITION,
            select=EVERYTHING,
            insert=True,
            update=("line", "cosigned_at", "received_at"),
        ),
        Access(role=Role.RETENTION, select=("witness_id", "tree_size"), delete=True),
    ),
)
"""Of each witness only the newest cosignatures are kept: each covers everything before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRestoration:
    """The operator's announcement that a backup was restored, whose log ended with the entry restored_to."""

    id: Annotated[LogRestorationId, KEY]
    restored_to: Annotated[int, BIG]
    reason: Annotated[str | None, REQUIRED, _STAFF]
    operator_name: Annotated[str | None, REQUIRED, _STAFF]
    announced_at: datetime


log_restorations = declare(
    "log_restorations",
    LogRestoration,
    CheckConstraint("restored_to >= 0", name="restored_to_real"),
    access=(*reads(*_VIEWERS), Access(role=Role.TRANSITION, select=EVERYTHING, insert=True)),
)
