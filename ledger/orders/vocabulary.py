"""The closed lists of orders: stored as text under a CHECK, and shown by the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from enum import StrEnum

from ledger.closed_lists import ClosedList


class BlockScope(ClosedList):
    """How much of a line an order blocks; emergency calls always stay open."""

    OUTGOING_VOICE_SMS = "OUTGOING_VOICE_SMS", "Outgoing calls and text messages."
    ALL_SERVICES = "ALL_SERVICES", "Every service of the line."
    DEACTIVATE = "DEACTIVATE", "The line itself is ended."


class LiftBasis(ClosedList):
    """On what ground a block is lifted."""

    APPEAL = "APPEAL", "An appeal was granted."
    COURT = "COURT", "A court decided so."
    POLICE = "POLICE", "The police asked for it."
    REGULATOR_ERROR = "REGULATOR_ERROR", "The order was the regulator's mistake."
    RECYCLED = "RECYCLED", "The number went to another subscriber."


class ImpossibleReason(ClosedList):
    """Why a carrier can't execute an order."""

    WRONG_RANGE_HOLDER = "WRONG_RANGE_HOLDER", "Another carrier holds the number."
    NOT_ASSIGNED = "NOT_ASSIGNED", "The number is assigned to no subscriber."
    RECYCLED_SINCE_INCIDENT = "RECYCLED_SINCE_INCIDENT", "The number went to another subscriber after the incident."
    PROTECTED_NUMBER = "PROTECTED_NUMBER", "The number is protected."
    SHARED_PBX_OR_SHORTCODE = "SHARED_PBX_OR_SHORTCODE", "Many people stand behind the number."
    MANIFEST_ERROR = "MANIFEST_ERROR", "The order contradicts itself."
    INSUFFICIENT_INFO = "INSUFFICIENT_INFO", "The order tells too little."
    TECHNICAL = "TECHNICAL", "The carrier's systems can't do it now."
    FORCE_MAJEURE = "FORCE_MAJEURE", "An event beyond the carrier's control."
    LEGAL_HOLD = "LEGAL_HOLD", "Another authority forbids the change."


class ExecutedReason(StrEnum):
    """What a carrier may add to EXECUTED."""

    ALREADY_BLOCKED = "ALREADY_BLOCKED"


class AcknowledgementKind(ClosedList):
    """What a carrier says of an order addressed to it."""

    RECEIVED = "RECEIVED", "It has the order."
    EXECUTED = "EXECUTED", "It blocked the number."
    PARTIAL = "PARTIAL", "It blocked a part of what was ordered."
    IMPOSSIBLE = "IMPOSSIBLE", "It can't; a reason is needed."
    EXTENSION_REQUESTED = "EXTENSION_REQUESTED", "It asks for more time; this moves nothing."
    LIFTED = "LIFTED", "It lifted the block."
    LIFT_IMPOSSIBLE = "LIFT_IMPOSSIBLE", "It can't lift the block."


class AcknowledgementMark(ClosedList):
    """Why an acknowledgement was kept and moved nothing."""

    STALE_VERSION = "STALE_VERSION", "It is about an earlier version."
    ORDER_WITHDRAWN = "ORDER_WITHDRAWN", "The order was withdrawn before."
    STATE_UNMOVED = "STATE_UNMOVED", "It says what was known already."


class OrderSort(ClosedList, graph_name="BlockOrderSort"):
    """How a list of block orders is ordered."""

    DUE_SOONEST = "DUE_SOONEST", "Those due soonest first; drafts have no due time and come last."
    ISSUED_NEWEST = "ISSUED_NEWEST", "The newest first."
