"""Where a forwarding run stands.

Pure: it may be imported from anywhere in the ledger. Source: domain.md, Forwarding and the guard.
"""

from enum import StrEnum


class ForwardingState(StrEnum):
    """Where a forwarding run stands."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    DISCARDED = "DISCARDED"
