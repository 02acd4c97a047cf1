"""The closed lists of participations: stored as text under a CHECK, and shown by the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from ledger.closed_lists import ClosedList


class Disclosure(ClosedList, graph_name="SignalDisclosure"):
    """How a provider's terms let it have the numbers of signals."""

    CLEAR = "CLEAR", "Numbers in clear, beside their hashes."
    HASHED = "HASHED", "Hashes under the provider's own key, and no number."


class PartingReason(ClosedList):
    """Why a participation is ended by hand."""

    PROVIDER_LEFT = "PROVIDER_LEFT", "The provider left."
    REGULATOR_ENDED = "REGULATOR_ENDED", "The regulator ended it."


class ParticipationEndReason(ClosedList):
    """Why a participation is over."""

    PROVIDER_LEFT = PartingReason.PROVIDER_LEFT
    REGULATOR_ENDED = PartingReason.REGULATOR_ENDED
    TERM_OVER = "TERM_OVER", "Its agreed end came."
    TERMS_CHANGED = "TERMS_CHANGED", "Other terms took its place."
