"""The closed lists of forwarding: stored as text under a CHECK, and shown by the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from enum import StrEnum


class ForwardingResult(StrEnum):
    """What a forwarding run made of one number's complaints."""

    DRAFTED = "DRAFTED"
    HELD = "HELD"
    JOINED = "JOINED"
    NOT_DOMESTIC = "NOT_DOMESTIC"
    PROTECTED = "PROTECTED"
    UNALLOCATED = "UNALLOCATED"
    HOLDER_UNKNOWN = "HOLDER_UNKNOWN"
    RECYCLED = "RECYCLED"
