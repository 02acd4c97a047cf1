"""The tables of outages: the gateway's last sign of life, its outages, and the time that orders got back for them.

No two outages overlap, so that no time is given back twice: a declared one is recorded without what was recorded
before. Source: docs/adr/0131.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Column, SmallInteger, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from ledger.feed.vocabulary import Subject
from ledger.identifiers import MemberId, OrderId, OutageId
from ledger.orders.table import OF_MY_ORDERS
from ledger.outages.vocabulary import OutageCause
from ledger.storage.access import EVERYTHING, Access, reads
from ledger.storage.columns import moment
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import KEY, references
from ledger.storage.records import declare, declare_table
from ledger.storage.roles import Role

_WRITTEN_ONCE = Access(role=Role.TRANSITION, select=EVERYTHING, insert=True)

heartbeats = declare_table(
    "heartbeats",
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    moment("beat_at"),
    CheckConstraint("id = 1", name="single"),
    access=(Access(role=Role.TRANSITION, select=EVERYTHING, insert=True, update=("beat_at",)), *reads(Role.OPERATOR)),
)
"""One row for the whole installation: when any of its processes last said that it is there. It is updated in place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time during which members could not reach the gateway. reason is the operator's, who writes it for members."""

    id: Annotated[OutageId, KEY]
    starts_at: datetime
    ends_at: datetime
    cause: OutageCause
    reason: str | None = None
    recorded_at: datetime


outages = declare(
    "outages",
    Outage,
    CheckConstraint("starts_at < ends_at AND ends_at <= recorded_at", name="over"),
    CheckConstraint("(cause = 'DECLARED') = (reason IS NOT NULL)", name="declared_with_reason"),
    ExcludeConstraint((text("tstzrange(starts_at, ends_at)"), "&&"), using="gist", name="ex_outages_overlap"),
    access=(*reads(Role.REGULATOR, Role.AGENCY, Role.CARRIER, Role.PROVIDER, Role.OPERATOR), _WRITTEN_ONCE),
    committed_by=CommittedBy(Subject.OUTAGE),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageExtension:
    """The time that one order got back for one outage: its due time before and after."""

    order_id: Annotated[OrderId, KEY, references("block_orders.id")]
    outage_id: Annotated[OutageId, KEY, references("outages.id")]
    carrier_id: Annotated[MemberId, references("members.id", index=True)]
    version: int
    due_before: datetime
    due_after: datetime
    extended_at: datetime


outage_extensions = declare(
    "outage_extensions",
    OutageExtension,
    CheckConstraint("due_before < due_after", name="later"),
    access=(*reads(Role.REGULATOR), *reads(Role.CARRIER, rows=OF_MY_ORDERS), _WRITTEN_ONCE),
    committed_by=CommittedBy(Subject.BLOCK_ORDER, "order_id"),
    is_watched=True,
)
