"""The closed lists of signals: stored as text with a CHECK constraint, and shown under the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from ledger.closed_lists import ClosedList


class SignalRevocationGround(ClosedList):
    """Why an officer revokes a fraud signal."""

    FALSE_POSITIVE = "FALSE_POSITIVE", "The number was not used for fraud."
    COURT = "COURT", "A court so decided."
    RECYCLED = "RECYCLED", "The number was assigned to another subscriber."
    REGULATOR_ERROR = "REGULATOR_ERROR", "The regulator made an error."


class SignalRevokedReason(ClosedList):
    """Why a fraud signal was revoked."""

    FALSE_POSITIVE = SignalRevocationGround.FALSE_POSITIVE
    COURT = SignalRevocationGround.COURT
    RECYCLED = SignalRevocationGround.RECYCLED
    REGULATOR_ERROR = SignalRevocationGround.REGULATOR_ERROR
    COMPLAINTS_REJECTED = "COMPLAINTS_REJECTED", "Too few of its complaints still stand."


class SignalBasis(ClosedList):
    """What a fraud signal stands on."""

    VERIFIED_COMPLAINTS = "VERIFIED_COMPLAINTS", "Complaints that an officer verified; no other member reported it."
    CORROBORATED = "CORROBORATED", "Complaints that an officer verified, and members that independently reported it."
    NOTHING = "NOTHING", "Nothing any more: it was revoked."


class ContributionKind(ClosedList, graph_name="SignalContributionKind"):
    """What a contribution is about."""

    NUMBER = "NUMBER", "A telephone number."
    ACCOUNT = "ACCOUNT", "An account on a platform."
    LINK = "LINK", "A link that leads to no account."


class ContributionWithdrawalReason(ClosedList, graph_name="SignalContributionWithdrawalReason"):
    """Why a member withdraws what it contributed."""

    MISTAKE = "MISTAKE", "It was recorded by mistake."
    FALSE_POSITIVE = "FALSE_POSITIVE", "It turned out not to be misuse."
    OUTDATED = "OUTDATED", "It no longer holds."
