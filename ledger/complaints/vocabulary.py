"""The closed lists of complaints: stored as text under a CHECK, and shown by the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from enum import StrEnum


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
