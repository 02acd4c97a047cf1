"""The field's closed lists: categories, media, remedies, scopes of a block, reasons.

Values are stored as text under a CHECK made from these lists, and shown by the same names in the graph.
Source: the complaint form and the reason codes of field.md sections 1.1 and 3.3.
"""

from enum import StrEnum


class Category(StrEnum):
    """What a number is complained of."""

    FRAUD = "FRAUD"
    IMPERSONATION = "IMPERSONATION"
    FICTITIOUS_INVESTMENT = "FICTITIOUS_INVESTMENT"
    ONLINE_GAMBLING = "ONLINE_GAMBLING"
    SPAM_ADVERT = "SPAM_ADVERT"
    VOICE_PHISHING = "VOICE_PHISHING"
    EXTORTION = "EXTORTION"
    ILLEGAL_LENDING_COLLECTION = "ILLEGAL_LENDING_COLLECTION"
    NIK_MISUSE = "NIK_MISUSE"
    SUBSCRIPTION_FRAUD = "SUBSCRIPTION_FRAUD"
    OTHER = "OTHER"


class Medium(StrEnum):
    """How the offender reached the complainant."""

    VOICE = "VOICE"
    SMS = "SMS"
    OTT = "OTT"


class Remedy(StrEnum):
    """What the complainant asks for."""

    NUMBER_BLOCK = "NUMBER_BLOCK"
    OTT_ACTION = "OTT_ACTION"
    BOTH = "BOTH"


class RejectionReason(StrEnum):
    """Why a complaint is rejected."""

    EVIDENCE_MISSING = "EVIDENCE_MISSING"
    EVIDENCE_UNREADABLE = "EVIDENCE_UNREADABLE"
    NUMBER_INVALID = "NUMBER_INVALID"
    NOT_DOMESTIC = "NOT_DOMESTIC"
    NOT_MISUSE = "NOT_MISUSE"
    COMPLAINANT_UNVERIFIED = "COMPLAINANT_UNVERIFIED"


class ComplaintOutcome(StrEnum):
    """What a resolved complaint came to."""

    BLOCKED = "BLOCKED"
    NOT_ACTIONABLE = "NOT_ACTIONABLE"
    NUMBER_ALREADY_DEAD = "NUMBER_ALREADY_DEAD"
    WITHDRAWN = "WITHDRAWN"


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


class HoldReason(StrEnum):
    """Why the guard holds a draft until an approver overrides it in writing."""

    FEW_COMPLAINANTS = "FEW_COMPLAINANTS"
    BURST = "BURST"
    SAME_SOURCE = "SAME_SOURCE"
    SAME_TEXT = "SAME_TEXT"
    PBX = "PBX"
    SPOOFED_CLI_SUSPECTED = "SPOOFED_CLI_SUSPECTED"
    PROTECTED = "PROTECTED"


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


class Disclosure(StrEnum):
    """How a provider's terms let it have the numbers of signals."""

    CLEAR = "CLEAR"
    HASHED = "HASHED"


class PartingReason(StrEnum):
    """Why a participation is ended by hand."""

    PROVIDER_LEFT = "PROVIDER_LEFT"
    REGULATOR_ENDED = "REGULATOR_ENDED"


class ParticipationEndReason(StrEnum):
    """Why a participation is over."""

    PROVIDER_LEFT = "PROVIDER_LEFT"
    REGULATOR_ENDED = "REGULATOR_ENDED"
    TERM_OVER = "TERM_OVER"
    TERMS_CHANGED = "TERMS_CHANGED"


class SignalRevocationGround(StrEnum):
    """Why an officer revokes a fraud signal."""

    FALSE_POSITIVE = "FALSE_POSITIVE"
    COURT = "COURT"
    RECYCLED = "RECYCLED"
    REGULATOR_ERROR = "REGULATOR_ERROR"


class SignalRevokedReason(StrEnum):
    """Why a fraud signal was revoked, by an officer or because its complaints no longer stand."""

    FALSE_POSITIVE = "FALSE_POSITIVE"
    COURT = "COURT"
    RECYCLED = "RECYCLED"
    REGULATOR_ERROR = "REGULATOR_ERROR"
    COMPLAINTS_REJECTED = "COMPLAINTS_REJECTED"
