"""Where a participation stands, by what came to be. Pure: it may be imported from anywhere in the ledger."""

from enum import StrEnum


class ParticipationState(StrEnum):
    """Where a participation stands."""

    AGREED = "AGREED"
    IN_FORCE = "IN_FORCE"
    ENDED = "ENDED"
