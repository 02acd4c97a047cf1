"""The ledger's tables, by noun. Importing this module fills the metadata."""

from ledger.complaints.table import complainant_reveals, complainants, complaints, evidence
from ledger.feed.events_table import events
from ledger.feed.table import (
    feed,
    feed_checkpoints,
    feed_head,
    feed_keys,
    feed_nodes,
    feed_pending,
    feed_recipients,
    legal_holds,
)
from ledger.forwarding.table import forwarding_items, forwarding_runs
from ledger.members.table import brands, members, officers, offices
from ledger.numbers.table import number_epochs, number_overrides, numbering_ranges, phone_numbers
from ledger.orders.acknowledgements_table import order_acknowledgements, order_extensions
from ledger.orders.table import block_order_versions, block_orders, order_complaints
from ledger.participations.table import participations, signal_keys
from ledger.signals.table import fraud_signals, signal_contributions, signal_disclosures, signal_recipients
from ledger.storage.keyring_table import keyring_checks

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
