"""The closed lists of orders: stored as text under a CHECK, and shown by the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from enum import StrEnum


class BlockScope(StrEnum):
    """How much of a line an order blocks; emergency calls always stay open."""

    OUTGOING_VOICE_SMS = "OUTGOING_VOICE_SMS"
    ALL_SERVICES = "ALL_SERVICES"
    DEACTIVATE = "DEACTIVATE"


class LiftBasis(StrEnum):
    """On what ground a block is lifted."""

    APPEAL = "APPEAL"
    COURT = "COURT"
    POLICE = "POLICE"
    REGULATOR_ERROR = "REGULATOR_ERROR"
    RECYCLED = "RECYCLED"


class ImpossibleReason(StrEnum):
    """Why a carrier can't execute an order."""

    WRONG_RANGE_HOLDER = "WRONG_RANGE_HOLDER"
    NOT_ASSIGNED = "NOT_ASSIGNED"
    RECYCLED_SINCE_INCIDENT = "RECYCLED_SINCE_INCIDENT"
    PROTECTED_NUMBER = "PROTECTED_NUMBER"
    SHARED_PBX_OR_SHORTCODE = "SHARED_PBX_OR_SHORTCODE"
    MANIFEST_ERROR = "MANIFEST_ERROR"
    INSUFFICIENT_INFO = "INSUFFICIENT_INFO"
    TECHNICAL = "TECHNICAL"
    FORCE_MAJEURE = "FORCE_MAJEURE"
    LEGAL_HOLD = "LEGAL_HOLD"


class ExecutedReason(StrEnum):
    """What a carrier may add to EXECUTED."""

    ALREADY_BLOCKED = "ALREADY_BLOCKED"


class AcknowledgementKind(StrEnum):
    """What a carrier says of an order addressed to it."""

    RECEIVED = "RECEIVED"
    EXECUTED = "EXECUTED"
    PARTIAL = "PARTIAL"
    IMPOSSIBLE = "IMPOSSIBLE"
    EXTENSION_REQUESTED = "EXTENSION_REQUESTED"
    LIFTED = "LIFTED"
    LIFT_IMPOSSIBLE = "LIFT_IMPOSSIBLE"


class AcknowledgementMark(StrEnum):
    """Why a statement was kept and moved nothing."""

    STALE_VERSION = "STALE_VERSION"
    ORDER_WITHDRAWN = "ORDER_WITHDRAWN"
    STATE_UNMOVED = "STATE_UNMOVED"
