"""Forwarding runs and their manifests: what was proposed to be ordered, and what an approver said of it."""

from sqlalchemy import Column, Integer, Table, Text, text

from ledger.forwarding.states import ForwardingState
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.storage.columns import each_of, id_column, moment, one_of, reference, text_list
from ledger.storage.metadata import metadata
from ledger.vocabulary import HoldReason

forwarding_runs = Table(
    "forwarding_runs",
    metadata,
    id_column(),
    reference("office_id", "offices.id"),
    reference("started_by", "officers.id"),
    moment("started_at"),
    Column("state", Text, nullable=False, server_default=ForwardingState.PROPOSED),
    Column("manifest_hash", Text, nullable=False),
    Column("complaint_count", Integer, nullable=False),
    reference("approved_by", "officers.id", nullable=True),
    moment("approved_at", nullable=True),
    Column("approved_count", Integer, nullable=False, server_default=text("0")),
    one_of("state", ForwardingState),
)

forwarding_items = Table(
    "forwarding_items",
    metadata,
    reference("run_id", "forwarding_runs.id", primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("e164", Text),
    Column("result", Text, nullable=False),
    reference("order_id", "block_orders.id", nullable=True, index=True),
    reference("carrier_id", "members.id", nullable=True),
    Column("complaint_count", Integer, nullable=False),
    text_list("hold_reasons"),
    one_of("result", ForwardingResult),
    each_of("hold_reasons", HoldReason),
)
