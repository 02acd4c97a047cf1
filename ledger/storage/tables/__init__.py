"""The ledger's tables, by noun. Importing this module fills the metadata."""

from ledger.storage.tables.acknowledgements import order_acknowledgements, order_extensions
from ledger.storage.tables.complaints import complainant_reveals, complainants, complaints, evidence
from ledger.storage.tables.events import events
from ledger.storage.tables.feed import (
    feed,
    feed_checkpoints,
    feed_head,
    feed_keys,
    feed_nodes,
    feed_pending,
    feed_recipients,
    legal_holds,
)
from ledger.storage.tables.forwarding import forwarding_items, forwarding_runs
from ledger.storage.tables.keys import keyring_checks
from ledger.storage.tables.members import brands, members, officers, offices
from ledger.storage.tables.numbers import number_epochs, number_overrides, numbering_ranges, phone_numbers
from ledger.storage.tables.orders import block_order_versions, block_orders, order_complaints
from ledger.storage.tables.participations import participations, signal_keys
from ledger.storage.tables.signals import (
    fraud_signals,
    signal_contributions,
    signal_disclosures,
    signal_recipients,
)

__all__ = [
    "block_order_versions",
    "block_orders",
    "brands",
    "complainant_reveals",
    "complainants",
    "complaints",
    "events",
    "evidence",
    "feed",
    "feed_checkpoints",
    "feed_head",
    "feed_keys",
    "feed_nodes",
    "feed_pending",
    "feed_recipients",
    "forwarding_items",
    "forwarding_runs",
    "fraud_signals",
    "keyring_checks",
    "legal_holds",
    "members",
    "number_epochs",
    "number_overrides",
    "numbering_ranges",
    "officers",
    "offices",
    "order_acknowledgements",
    "order_complaints",
    "order_extensions",
    "participations",
    "phone_numbers",
    "signal_contributions",
    "signal_disclosures",
    "signal_keys",
    "signal_recipients",
]
