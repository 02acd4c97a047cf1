"""Where a participation stands, by what came to be. Pure: it may be imported from anywhere in the ledger."""

from ledger.closed_lists import ClosedList


class ParticipationState(ClosedList):
    """Where a participation stands."""

    AGREED = "AGREED", "Signed; its start has not come yet."
    IN_FORCE = "IN_FORCE", "The provider takes part."
    ENDED = "ENDED", "Over; the provider reads no signal by it."
