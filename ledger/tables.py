"""All tables of the ledger: importing this module fills the metadata."""

from ledger.access_records import table as access_records
from ledger.accounts import table as accounts
from ledger.complaints import content_table as evidence_contents
from ledger.complaints import table as complaints
from ledger.complaints import tally_table as complaint_tallies
from ledger.extracts import table as extracts
from ledger.feed import table as feed
from ledger.feed import witness_table as witnesses
from ledger.forwarding import table as forwarding
from ledger.members import table as members
from ledger.numbers import table as numbers
from ledger.operator_acts import table as operator_acts
from ledger.orders import proposal_table as order_proposals
from ledger.orders import table as orders
from ledger.orders import tally_table as order_tallies
from ledger.outages import table as outages
from ledger.participations import signing_table as participation_signing
from ledger.participations import table as participations
from ledger.reassignments import table as reassignments
from ledger.referrals import table as referrals
from ledger.signals import contribution_table as signal_contributions
from ledger.signals import table as signals
from ledger.storage import changes, job_outcomes, recounts
from ledger.storage import keyring_table as keyring
from ledger.storage import rights_table as rights

__all__ = [
    "access_records",
    "accounts",
    "changes",
    "complaint_tallies",
    "complaints",
    "evidence_contents",
    "extracts",
    "feed",
    "forwarding",
    "job_outcomes",
    "keyring",
    "members",
    "numbers",
    "operator_acts",
    "order_proposals",
    "order_tallies",
    "orders",
    "outages",
    "participation_signing",
    "participations",
    "reassignments",
    "recounts",
    "referrals",
    "rights",
    "signal_contributions",
    "signals",
    "witnesses",
]
