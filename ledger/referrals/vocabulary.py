"""The closed lists of referrals: stored as text with a CHECK constraint, and shown under the same names in the graph.

None of them has a word for a duty, a lateness or a sanction, since a referral has none (docs/adr/0152).
Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3; domain.md, Referral.
"""

from ledger.closed_lists import ClosedList


class ResponseKind(ClosedList, graph_name="ReferralResponseKind"):
    """What a provider says about a referral offered to it."""

    RECEIVED = "RECEIVED", "It received the referral."
    ACTIONED = "ACTIONED", "It acted, as the action and its ground say."
    DECLINED = "DECLINED", "It won't act; it need not say why."
    NO_ACCOUNT = "NO_ACCOUNT", "It has no such account."
    REVERSED = "REVERSED", "It reversed what it had done."


class ReferralAction(ClosedList):
    """What a provider did."""

    WARNED = "WARNED", "It warned the account's user."
    LIMITED = "LIMITED", "It limited what the account can do."
    SUSPENDED = "SUSPENDED", "It suspended the account."
    BANNED = "BANNED", "It banned the account."
    NUMBER_UNLINKED = "NUMBER_UNLINKED", "It unlinked the number from the account."


class ReferralGround(ClosedList):
    """On which ground a provider acted."""

    OWN_TERMS = "OWN_TERMS", "Its own terms of service."
    LAW = "LAW", "A law that applies to it."


class DeclineReason(ClosedList, graph_name="ReferralDeclineReason"):
    """Why a provider won't act, if it says so."""

    INSUFFICIENT_EVIDENCE = "INSUFFICIENT_EVIDENCE", "What it was told is not enough."
    NO_POLICY_BREACH = "NO_POLICY_BREACH", "The account doesn't breach its terms."
    JURISDICTION = "JURISDICTION", "Another law applies to the account."
    PRIVACY = "PRIVACY", "Its users' privacy forbids it."
    UNSUPPORTED_IDENTIFIER = "UNSUPPORTED_IDENTIFIER", "It can't find an account by what it was told."


class ResponseMark(ClosedList, graph_name="ReferralResponseMark"):
    """Why a response was recorded without effect on the referral's state."""

    REFERRAL_WITHDRAWN = "REFERRAL_WITHDRAWN", "The referral had already been withdrawn."
    STATE_UNMOVED = "STATE_UNMOVED", "It says nothing that was not already known."


class WithdrawalGround(ClosedList, graph_name="ReferralWithdrawalGround"):
    """Why an officer withdraws a referral."""

    OFFERED_IN_ERROR = "OFFERED_IN_ERROR", "It should not have been offered."
    NO_LONGER_NEEDED = "NO_LONGER_NEEDED", "What it asks for is no longer needed."


class WithdrawalReason(ClosedList, graph_name="ReferralWithdrawalReason"):
    """Why a referral was withdrawn."""

    OFFERED_IN_ERROR = WithdrawalGround.OFFERED_IN_ERROR
    NO_LONGER_NEEDED = WithdrawalGround.NO_LONGER_NEEDED
    COMPLAINT_TAKEN_BACK = "COMPLAINT_TAKEN_BACK", "No verified complaint stands behind it any more."
    PARTICIPATION_ENDED = "PARTICIPATION_ENDED", "The provider no longer takes part."
    NUMBER_REASSIGNED = "NUMBER_REASSIGNED", "The number was assigned to another subscriber."


class TransferredField(ClosedList, graph_name="ReferralTransferredField"):
    """One of the facts that a referral gives its provider."""

    NUMBER = "NUMBER", "The number, in clear."
    ACCOUNT = "ACCOUNT", "The account, by its platform and handle or address."
    CATEGORY = "CATEGORY", "What the number is reported for."
    INCIDENT_DAY = "INCIDENT_DAY", "The day of the latest incident."
    SUMMARY = "SUMMARY", "The officer's summary."
    COMPLAINT_COUNT = "COMPLAINT_COUNT", "How many verified complaints it is based on."


class ReferralSort(ClosedList):
    """How a list of referrals is ordered. None of the orders compares providers."""

    OFFERED_NEWEST = "OFFERED_NEWEST", "Most recently offered first."
    CHANGED_OLDEST = "CHANGED_OLDEST", "Least recently changed first, for a client that keeps a copy."
