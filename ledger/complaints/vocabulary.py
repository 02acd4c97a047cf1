"""The closed lists of complaints: stored as text with a CHECK constraint, and shown under the same names in the graph.

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

    NUMBER_BLOCK = "NUMBER_BLOCK", "Blocking the number."
    OTT_ACTION = "OTT_ACTION", "Action by the messaging service against the account."
    BOTH = "BOTH", "Both."


ORDERABLE_REMEDIES = frozenset({Remedy.NUMBER_BLOCK, Remedy.BOTH})
"""What leads to a block order once the complaint is verified."""


class RejectionReason(ClosedList):
    """Why a complaint was rejected."""

    EVIDENCE_MISSING = "EVIDENCE_MISSING", "No evidence was supplied."
    EVIDENCE_UNREADABLE = "EVIDENCE_UNREADABLE", "The evidence is unreadable."
    NUMBER_INVALID = "NUMBER_INVALID", "It is not a valid number."
    NOT_DOMESTIC = "NOT_DOMESTIC", "The number is foreign."
    NOT_MISUSE = "NOT_MISUSE", "What is described is not misuse."
    COMPLAINANT_UNVERIFIED = "COMPLAINANT_UNVERIFIED", "The complainant's identity could not be confirmed."


class ComplaintOutcome(ClosedList):
    """The outcome of a resolved complaint."""

    BLOCKED = "BLOCKED", "The number was blocked."
    ACCOUNT_ACTIONED = "ACCOUNT_ACTIONED", "The messaging service acted on the account."
    NO_ACCOUNT = "NO_ACCOUNT", "The messaging service has no such account."
    NO_PROVIDER = "NO_PROVIDER", "No messaging service that takes part could be asked."
    NOT_ACTIONABLE = "NOT_ACTIONABLE", "Nothing could be done."
    NUMBER_ALREADY_DEAD = "NUMBER_ALREADY_DEAD", "The number was no longer in use."
    WITHDRAWN = "WITHDRAWN", "What was ordered or asked for was withdrawn."


class ComplaintSort(ClosedList):
    """How a list of complaints is ordered."""

    FILED_NEWEST = "FILED_NEWEST", "Most recently filed first."
    VERIFICATION_DUE = "VERIFICATION_DUE", "Only complaints that await an officer, due soonest first."
    DECIDED_NEWEST = "DECIDED_NEWEST", "Only complaints that an officer decided on, most recently decided first."
