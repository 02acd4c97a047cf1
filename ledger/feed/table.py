"""The tables of the log: events, their positions in one order without gaps, the tree over them, and its checkpoints.

Rows of `feed` are only inserted, and only by the sequencer, which also empties `feed_pending`. Retention erases the
content of events and archiving deletes ranges of them; a legal hold blocks both. A hold blocks changes but never
reads, so that an export contains held entries like any others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from ledger.feed.vocabulary import EventKind, HoldSubject, Subject
from ledger.identifiers import BrandId, ClientId, LegalHoldId, MemberId, OfficerId
from ledger.storage.access import EVERYTHING, ME, OF_MY_BRAND, TAKES_PART, TRANSITION_MOVES, Access, reads
from ledger.storage.columns import moment
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import (
    ASSIGNED,
    BIG,
    DERIVED,
    KEY,
    REQUIRED,
    SERIAL,
    UNCHECKED,
    derived,
    kept_for,
    only,
    references,
)
from ledger.storage.records import declare, declare_table
from ledger.storage.roles import Role

_MEMBERS = (Role.AGENCY, Role.CARRIER, Role.PROVIDER)
_VIEWERS = (Role.REGULATOR, *_MEMBERS)
_ADDED = Access(role=Role.SEQUENCER, select=EVERYTHING, insert=True)
_PUBLIC_KEY = ("key_id", "verifier_key", "created_at", "retired_at")
_HASHED = "octet_length({}) = 32"
# 244 random bits from the server's strong random source: as a default, no insert can omit them.
SALT = "(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"
_SALT = text(SALT)

UUID_FORM = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_TABLE_OF_SUBJECT = {
    Subject.COMPLAINT: "complaints",
    Subject.BLOCK_ORDER: "block_orders",
    Subject.REFERRAL: "referrals",
    Subject.FRAUD_SIGNAL: "fraud_signals",
    Subject.SIGNAL_CONTRIBUTION: "signal_contributions",
}
_LOOK_UPS = " ".join(
    f"WHEN '{subject}' THEN (SELECT s.e164 FROM {table} s WHERE s.id = events.subject_id::uuid)"
    for subject, table in _TABLE_OF_SUBJECT.items()
)
_NUMBER = f"CASE WHEN events.subject_id ~ '{UUID_FORM}' THEN CASE events.subject {_LOOK_UPS} END END"
IS_HELD = (
    "EXISTS (SELECT 1 FROM legal_holds h WHERE h.released_at IS NULL AND (h.subject IS NULL "
    "OR (h.subject = events.subject AND h.subject_id = events.subject_id) "
    f"OR (h.subject = 'NUMBER' AND h.subject_id = {_NUMBER})))"
)
"""For a row of events: whether it is under a hold.

A hold on a number also covers everything about the number that the log names by another id, whenever it was recorded:
the number is looked up when the row is about to be changed.
"""

_RESERVED = only(Role.REGULATOR)
_NOBODY = kept_for()
_MINE = f"audience @> ARRAY[{ME}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change of state: what changed, by whom, when, and who may receive the event.

    The id only identifies the row: it is not a position, since a transaction that commits late has a low id. Who acted
    and who else may receive it is the reserved part, which only the regulator may read; each part has its own salt, so
    that someone who knows one part can't guess the other from its hash. The reserved part also commits to the content
    of the rows that changed, under a third salt that only the verifier's role may read.
    """

    id: Annotated[int, BIG, KEY, SERIAL] = ASSIGNED
    kind: Annotated[EventKind, UNCHECKED]
    subject: Annotated[Subject, UNCHECKED]
    subject_id: str
    state: str | None = None
    actor_member_id: Annotated[MemberId | None, references("members.id"), _RESERVED] = None
    actor_officer_id: Annotated[OfficerId | None, references("officers.id"), _RESERVED] = None
    actor_client_id: Annotated[ClientId | None, _RESERVED] = None
    audience: Annotated[tuple[MemberId, ...] | None, REQUIRED, _RESERVED]
    brand_id: Annotated[BrandId | None, references("brands.id"), _RESERVED] = None
    payload: Mapping[str, Any]
    recorded_at: datetime


_PARTS = ("salt", "reserved_salt", "erased_at", "content")
_LOGGED = (*(field.name for field in fields(Event)), *_PARTS)
"""Every column of events but the content salt."""

events = declare(
    "events",
    Event,
    Column("salt", LargeBinary, server_default=_SALT),
    Column("reserved_salt", LargeBinary, server_default=_SALT, info=kept_for(Role.REGULATOR)),
    moment("erased_at", nullable=True),
    # The rows that it commits to, as [table, key, hash]; NULL for events from before there were commitments.
    Column("content", JSONB, info=kept_for(Role.REGULATOR)),
    Column("content_salt", LargeBinary, info=_NOBODY),
    Index("ix_events_subject_id", "subject_id"),
    Index("ix_events_unerased", "recorded_at", "id", postgresql_where=text("erased_at IS NULL")),
    access=(
        *reads(Role.REGULATOR, Role.VERIFIER),
        *reads(Role.SEQUENCER, Role.FOLLOWER, select=_LOGGED),
        *reads(Role.AGENCY, rows=_MINE),
        *reads(Role.CARRIER, rows=f"{_MINE} AND {OF_MY_BRAND}"),
        *reads(
            Role.PROVIDER,
            rows=f"{_MINE} AND CASE WHEN subject = 'FRAUD_SIGNAL' THEN {TAKES_PART} ELSE true END",
        ),
        Access(role=Role.TRANSITION, select=_LOGGED, insert=True),
        Access(
            role=Role.RETENTION,
            select=_LOGGED,
            update=(
                "payload",
                "subject_id",
                "salt",
                "reserved_salt",
                "content",
                "content_salt",
                "actor_officer_id",
                "actor_client_id",
                "erased_at",
            ),
            changed=f"NOT {IS_HELD}",
        ),
        Access(role=Role.ARCHIVE, select=_LOGGED, delete=True, changed=f"NOT {IS_HELD}"),
    ),
)

feed_pending = declare_table(
    "feed_pending",
    Column("event_id", BigInteger, primary_key=True, autoincrement=False),
    access=(
        Access(role=Role.TRANSITION, insert=True),
        Access(role=Role.SEQUENCER, select=EVERYTHING, delete=True),
        *reads(Role.VERIFIER),
    ),
)
"""Events that have no position yet. A trigger on `events` inserts rows in the writer's transaction."""

feed_head = declare_table(
    "feed_head",
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("feed_id", Uuid(as_uuid=False), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("oldest_position", BigInteger, nullable=False, server_default=text("1")),
    CheckConstraint("id = 1", name="single"),
    CheckConstraint("oldest_position BETWEEN 1 AND size + 1", name="oldest_within"),
    access=(
        *reads(*_VIEWERS, Role.FOLLOWER, Role.VERIFIER),
        Access(role=Role.SEQUENCER, select=EVERYTHING, update=("size", "epoch")),
        Access(role=Role.ARCHIVE, select=EVERYTHING, update=("oldest_position",)),
    ),
)
"""A single row: the feed's size, its oldest position, and the epoch of the sequencer that may extend it."""

feed = declare_table(
    "feed",
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("reserved_hash", LargeBinary, nullable=False),
    moment("sequenced_at"),
    UniqueConstraint("event_id"),
    CheckConstraint(_HASHED.format("leaf_hash"), name="leaf_hashed"),
    CheckConstraint(_HASHED.format("reserved_hash"), name="reserved_hashed"),
    access=(
        *reads(Role.REGULATOR, Role.FOLLOWER, Role.RETENTION, Role.ARCHIVE, Role.VERIFIER),
        # Every member may read positions and leaf hashes, since proofs are built from them.
        *reads(*_MEMBERS, select=("position", "event_id", "leaf_hash", "reserved_hash")),
        _ADDED,
    ),
)
"""There is no foreign key to the event: archiving deletes events, and the hashes remain."""

feed_recipients = declare_table(
    "feed_recipients",
    Column("member_id", Uuid(as_uuid=False), primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("brand_id", Uuid(as_uuid=False)),
    access=(
        *reads(*_MEMBERS, rows=f"member_id = {ME} AND {OF_MY_BRAND}"),
        _ADDED,
        Access(role=Role.ARCHIVE, select=EVERYTHING, delete=True),
    ),
)
"""Each member's entries in order, so that catching up reads only the member's own entries.

brand_id is set if the entry is about a brand of this member, whose clients may be restricted to one brand.
"""

feed_nodes = declare_table(
    "feed_nodes",
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("level > 0 AND level % 8 = 0", name="level_kept"),
    CheckConstraint(_HASHED.format("hash"), name="hashed"),
    access=(*reads(*_VIEWERS, Role.ARCHIVE), _ADDED),
)
"""Roots of complete subtrees at every eighth level; the levels in between are computed from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointKey:
    """A key that signs checkpoints, or did so until retired_at; verifier_key is what verifiers configure."""

    key_id: Annotated[str, KEY]
    verifier_key: str
    created_at: datetime
    retired_at: datetime | None = None


feed_keys = declare(
    "feed_keys",
    CheckpointKey,
    Column("private_sealed", LargeBinary, nullable=False),
    access=(
        *reads(*_VIEWERS, Role.ARCHIVE, select=_PUBLIC_KEY),
        Access(role=Role.SEQUENCER, select=EVERYTHING, insert=True, update=("retired_at",)),
        Access(role=Role.JOBS, select=("key_id", "private_sealed"), update=("private_sealed",)),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A signed checkpoint: the note is authoritative; size, root and origin (the log's name) are taken from it."""

    tree_size: Annotated[int, BIG, KEY]
    root_hash: bytes
    note: str
    origin: Annotated[str, derived(lambda c: func.split_part(c.note, "\n", 1, type_=Text()))] = DERIVED
    signed_at: datetime


feed_checkpoints = declare(
    "feed_checkpoints",
    StoredCheckpoint,
    CheckConstraint(_HASHED.format("root_hash"), name="root_hashed"),
    access=(*reads(*_VIEWERS, Role.RETENTION, Role.ARCHIVE), _ADDED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """A hold on one subject's entries or, without a subject, on all entries; it is in force until released_at."""

    id: Annotated[LegalHoldId, KEY]
    subject: Annotated[HoldSubject | None, UNCHECKED] = None
    subject_id: str | None = None
    reason: str
    placed_by: Annotated[OfficerId, references("officers.id")]
    placed_at: datetime
    released_by: Annotated[OfficerId | None, references("officers.id")] = None
    released_at: datetime | None = None


legal_holds = declare(
    "legal_holds",
    LegalHold,
    CheckConstraint("(subject IS NULL) = (subject_id IS NULL)", name="subject_whole"),
    CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="release_whole"),
    access=(*reads(Role.REGULATOR, Role.RETENTION, Role.ARCHIVE), TRANSITION_MOVES),
    committed_by=CommittedBy(Subject.LEGAL_HOLD),
)
