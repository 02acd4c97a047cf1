"""The closed lists of numbers: stored as text under a CHECK, and shown by the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from ledger.closed_lists import ClosedList


class NumberStatus(ClosedList):
    """What the orders of a number have come to."""

    CLEAR = "CLEAR", "No order is open."
    BLOCK_ORDERED = "BLOCK_ORDERED", "A block is ordered and not yet executed."
    BLOCKED = "BLOCKED", "The carrier said that it is blocked."


class RiskTier(ClosedList, graph_name="Risk"):
    """How risky a number is, from verified complaints only."""

    NONE = "NONE", "Nothing verified speaks against it."
    MEDIUM = "MEDIUM", "Some verified complaints."
    HIGH = "HIGH", "Several verified complaints of different people."
    VERY_HIGH = "VERY_HIGH", "Many verified complaints of different people."


class HolderStatus(ClosedList):
    """What the numbering plan says of a number."""

    HELD = "HELD", "A member holds its range."
    UNALLOCATED = "UNALLOCATED", "It lies in no range of the plan."
    HOLDER_UNKNOWN = "HOLDER_UNKNOWN", "It lies in a valid range whose holder is not known here."
    FOREIGN = "FOREIGN", "It belongs to another country's plan."


class ProtectedReason(ClosedList):
    """Why a number is never ordered blocked."""

    EMERGENCY = "EMERGENCY", "An emergency number."
    SHORT_CODE = "SHORT_CODE", "A short code of a service."
    REGULATOR_HOTLINE = "REGULATOR_HOTLINE", "The regulator's own hotline."
    ACCESS_CODE = "ACCESS_CODE", "An access code of a company or bank."
    TOLL_FREE = "TOLL_FREE", "A toll-free number."


class RangeKind(ClosedList):
    """What a range serves."""

    MOBILE = "MOBILE", "Mobile lines."
    FIXED = "FIXED", "Fixed lines."
    SATELLITE = "SATELLITE", "Satellite telephones."
    OTHER = "OTHER", "Anything else."
