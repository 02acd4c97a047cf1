"""Where a forwarding run stands.

Pure: it may be imported from anywhere in the ledger. Source: domain.md, Forwarding and the guard.
"""

from ledger.closed_lists import ClosedList


class ForwardingState(ClosedList):
    """Where a forwarding run stands."""

    PROPOSED = "PROPOSED", "Its manifest waits for an approver."
    APPROVED = "APPROVED", "Its orders were issued, whole or in part."
    DISCARDED = "DISCARDED", "Concluded without approval; its drafts stand until each is decided on its own."
