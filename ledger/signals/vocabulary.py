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
