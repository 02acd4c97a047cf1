"""The closed lists of signals: stored as text under a CHECK, and shown by the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from enum import StrEnum


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
