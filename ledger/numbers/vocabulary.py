"""The closed lists of numbers: stored as text under a CHECK, and shown by the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from enum import StrEnum


class NumberStatus(StrEnum):
    """What the orders of a number have come to."""

    CLEAR = "CLEAR"
    BLOCK_ORDERED = "BLOCK_ORDERED"
    BLOCKED = "BLOCKED"


class RiskTier(StrEnum):
    """How risky a number is, from verified complaints only."""

    NONE = "NONE"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    VERY_HIGH = "VERY_HIGH"


class HolderStatus(StrEnum):
    """What the numbering plan says of a number."""

    HELD = "HELD"
    UNALLOCATED = "UNALLOCATED"
    HOLDER_UNKNOWN = "HOLDER_UNKNOWN"
    FOREIGN = "FOREIGN"


class ProtectedReason(StrEnum):
    """Why a number is never ordered blocked."""

    EMERGENCY = "EMERGENCY"
    SHORT_CODE = "SHORT_CODE"
    REGULATOR_HOTLINE = "REGULATOR_HOTLINE"
    ACCESS_CODE = "ACCESS_CODE"
    TOLL_FREE = "TOLL_FREE"


class RangeKind(StrEnum):
    """What a range of the numbering plan is for."""

    MOBILE = "MOBILE"
    FIXED = "FIXED"
    SATELLITE = "SATELLITE"
    OTHER = "OTHER"
