"""The closed lists of complaints: stored as text under a CHECK, and shown by the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from ledger.closed_lists import ClosedList


class Medium(ClosedList):
    """How the offender reached the complainant."""

    VOICE = "VOICE", "A call."
    SMS = "SMS", "A text message."
    OTT = "OTT", "A messaging service over the internet."


class Remedy(ClosedList):
    """What the complainant asks for."""

    NUMBER_BLOCK = "NUMBER_BLOCK", "That the number be blocked."
    OTT_ACTION = "OTT_ACTION", "That a messaging service act on the account."
    BOTH = "BOTH", "Both of them."


class RejectionReason(ClosedList):
    """Why a complaint is rejected."""

    EVIDENCE_MISSING = "EVIDENCE_MISSING", "No evidence was supplied."
    EVIDENCE_UNREADABLE = "EVIDENCE_UNREADABLE", "The evidence can't be read."
    NUMBER_INVALID = "NUMBER_INVALID", "The number is none."
    NOT_DOMESTIC = "NOT_DOMESTIC", "The number is foreign."
    NOT_MISUSE = "NOT_MISUSE", "What is described is no misuse."
    COMPLAINANT_UNVERIFIED = "COMPLAINANT_UNVERIFIED", "The complainant's identity could not be confirmed."


class ComplaintOutcome(ClosedList):
    """What a resolved complaint came to."""

    BLOCKED = "BLOCKED", "The number was blocked."
    NOT_ACTIONABLE = "NOT_ACTIONABLE", "Nothing could be done."
    NUMBER_ALREADY_DEAD = "NUMBER_ALREADY_DEAD", "The number was no longer in use."
    WITHDRAWN = "WITHDRAWN", "The order was withdrawn."


class ComplaintSort(ClosedList):
    """How a list of complaints is ordered."""

    FILED_NEWEST = "FILED_NEWEST", "Those filed last come first."
    VERIFICATION_DUE = "VERIFICATION_DUE", "Only complaints that await an officer, those due soonest first."
