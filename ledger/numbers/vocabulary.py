"""The closed lists of numbers: stored as text with a CHECK constraint, and shown under the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from ledger.closed_lists import ClosedList


class NumberStatus(ClosedList):
    """Whether a number is blocked or ordered to be blocked."""

    CLEAR = "CLEAR", "No order is open."
    BLOCK_ORDERED = "BLOCK_ORDERED", "A block was ordered and has not been executed yet."
    BLOCKED = "BLOCKED", "The carrier reported that it blocked the number."


class AccountStanding(ClosedList):
    """What providers were asked about a number in its present assignment, and whether one has acted."""

    NOT_ASKED = "NOT_ASKED", "No referral about it stands."
    ASKED = "ASKED", "A provider was asked and has not answered yet."
    ACTIONED = "ACTIONED", "A provider acted, and has not reversed that."
    NOT_ACTIONED = "NOT_ACTIONED", "No provider that was asked acted, or what one did was reversed."


class BlockRequestGap(ClosedList):
    """Where a number's block and what providers did about it differ."""

    BLOCKED_SIM_LIVE_ACCOUNT = (
        "BLOCKED_SIM_LIVE_ACCOUNT",
        "The carrier blocked it, and no provider that was asked has acted.",
    )
    LIVE_SIM_ACTIONED_ACCOUNT = (
        "LIVE_SIM_ACTIONED_ACCOUNT",
        "A provider acted, and no carrier has blocked it.",
    )


class RiskTier(ClosedList, graph_name="Risk"):
    """How risky a number is, based on verified complaints only."""

    NONE = "NONE", "No verified complaints count against it."
    MEDIUM = "MEDIUM", "Some verified complaints."
    HIGH = "HIGH", "Several verified complaints by different people."
    VERY_HIGH = "VERY_HIGH", "Many verified complaints by different people."


class HolderStatus(ClosedList):
    """What the numbering plan says about a number."""

    HELD = "HELD", "A member holds its range."
    UNALLOCATED = "UNALLOCATED", "It is in no range of the plan."
    HOLDER_UNKNOWN = "HOLDER_UNKNOWN", "It is in a valid range whose holder is not known here."
    FOREIGN = "FOREIGN", "It belongs to another country's plan."


class ProtectedReason(ClosedList):
    """Why a number can never be subject to a block order."""

    EMERGENCY = "EMERGENCY", "An emergency number."
    SHORT_CODE = "SHORT_CODE", "A service's short code."
    REGULATOR_HOTLINE = "REGULATOR_HOTLINE", "The regulator's own hotline."
    ACCESS_CODE = "ACCESS_CODE", "A company's or bank's access code."
    TOLL_FREE = "TOLL_FREE", "A toll-free number."


class NumberSort(ClosedList, graph_name="PhoneNumberSort"):
    """How a list of numbers is ordered."""

    DIGITS = "DIGITS", "By their digits."
    MOST_COMPLAINTS = "MOST_COMPLAINTS", "Those with most complaints first; finds nothing for all but the regulator."


class RangeKind(ClosedList):
    """What a numbering range serves."""

    MOBILE = "MOBILE", "Mobile lines."
    FIXED = "FIXED", "Fixed lines."
    SATELLITE = "SATELLITE", "Satellite telephones."
    OTHER = "OTHER", "Anything else."
