"""The states of a participation, by what has happened. Pure: it may be imported from anywhere in the ledger."""

from ledger.closed_lists import ClosedList


class ParticipationState(ClosedList):
    """The state of a participation."""

    AGREED = "AGREED", "Signed, but not yet started."
    IN_FORCE = "IN_FORCE", "The provider participates."
    ENDED = "ENDED", "Ended; the provider can read no signals under it."
