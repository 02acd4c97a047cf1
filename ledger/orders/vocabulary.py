"""The closed lists of orders: stored as text with a CHECK constraint, and shown under the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from enum import StrEnum

from ledger.closed_lists import ClosedList


class BlockScope(ClosedList):
    """How much of a line an order blocks; emergency calls always remain possible."""

    OUTGOING_VOICE_SMS = "OUTGOING_VOICE_SMS", "Outgoing calls and text messages."
    ALL_SERVICES = "ALL_SERVICES", "All services of the line."
    DEACTIVATE = "DEACTIVATE", "The line itself is deactivated."


class LiftBasis(ClosedList):
    """The ground on which a block is lifted."""

    APPEAL = "APPEAL", "An appeal was granted."
    COURT = "COURT", "A court so decided."
    POLICE = "POLICE", "The police asked for it."
    REGULATOR_ERROR = "REGULATOR_ERROR", "The regulator issued the order in error."
    RECYCLED = "RECYCLED", "The number was assigned to another subscriber."
    UNCONFIRMED = "UNCONFIRMED", "No other officer confirmed the emergency order in time; the gateway issued the lift."


class ProposalKind(ClosedList, graph_name="BlockOrderProposalKind"):
    """What is proposed for an issued order."""

    NEXT_VERSION = "NEXT_VERSION", "The same order with another scope or other texts, to be issued again."
    LIFT = "LIFT", "The lift of its block."


class ImpossibleReason(ClosedList):
    """Why a carrier can't execute an order."""

    WRONG_RANGE_HOLDER = "WRONG_RANGE_HOLDER", "Another carrier holds the number."
    NOT_ASSIGNED = "NOT_ASSIGNED", "The number is not assigned to any subscriber."
    RECYCLED_SINCE_INCIDENT = (
        "RECYCLED_SINCE_INCIDENT",
        ("The number was assigned to another subscriber after the incident."),
    )
    PROTECTED_NUMBER = "PROTECTED_NUMBER", "The number is protected."
    SHARED_PBX_OR_SHORTCODE = "SHARED_PBX_OR_SHORTCODE", "The number is shared by many people."
    MANIFEST_ERROR = "MANIFEST_ERROR", "The order contradicts itself."
    INSUFFICIENT_INFO = "INSUFFICIENT_INFO", "The order does not give enough information."
    TECHNICAL = "TECHNICAL", "The carrier's systems can't do it at present."
    FORCE_MAJEURE = "FORCE_MAJEURE", "An event beyond the carrier's control prevents it."
    LEGAL_HOLD = "LEGAL_HOLD", "Another authority forbids the change."


class ExecutedReason(StrEnum):
    """The reasons that a carrier can give with EXECUTED."""

    ALREADY_BLOCKED = "ALREADY_BLOCKED"


class AcknowledgementKind(ClosedList):
    """What a carrier reports about an order addressed to it."""

    RECEIVED = "RECEIVED", "It received the order."
    EXECUTED = "EXECUTED", "It blocked the number."
    PARTIAL = "PARTIAL", "It blocked part of what was ordered."
    IMPOSSIBLE = "IMPOSSIBLE", "It can't execute the order; a reason is required."
    EXTENSION_REQUESTED = "EXTENSION_REQUESTED", "It asks for more time; by itself this changes nothing."
    LIFTED = "LIFTED", "It lifted the block."
    LIFT_IMPOSSIBLE = "LIFT_IMPOSSIBLE", "It can't lift the block."


class AcknowledgementMark(ClosedList):
    """Why an acknowledgement was recorded without effect on the order's state."""

    STALE_VERSION = "STALE_VERSION", "It refers to an earlier version of the order."
    ORDER_WITHDRAWN = "ORDER_WITHDRAWN", "The order had already been withdrawn."
    STATE_UNMOVED = "STATE_UNMOVED", "It reports nothing that was not already known."


class OrderSort(ClosedList, graph_name="BlockOrderSort"):
    """How a list of block orders is ordered."""

    DUE_SOONEST = "DUE_SOONEST", "Due soonest first; drafts have no due time and come last."
    ISSUED_NEWEST = "ISSUED_NEWEST", "Newest first."
    EXECUTED_NEWEST = "EXECUTED_NEWEST", "Only orders that were executed, most recently executed first."
    LIFTED_NEWEST = "LIFTED_NEWEST", "Only orders that were lifted, most recently lifted first."
    CHANGED_OLDEST = "CHANGED_OLDEST", "Least recently changed first, for a client that keeps a copy."
