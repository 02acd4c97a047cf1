"""The states of a forwarding run.

Pure: it may be imported from anywhere in the ledger. Source: domain.md, Forwarding and the guard.
"""

from ledger.closed_lists import ClosedList


class ForwardingState(ClosedList):
    """The state of a forwarding run."""

    PROPOSED = "PROPOSED", "Its manifest waits for an approver."
    APPROVED = "APPROVED", "Its orders were issued, whole or in part."
    DISCARDED = "DISCARDED", "Concluded without approval; its drafts remain until each is decided separately."
