"""The closed lists of participations: stored as text with a CHECK constraint, with the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from ledger.closed_lists import ClosedList


class Disclosure(ClosedList, graph_name="SignalDisclosure"):
    """How a provider's terms allow it to receive the numbers in signals."""

    CLEAR = "CLEAR", "Numbers in clear, together with their hashes."
    HASHED = "HASHED", "Only hashes under the provider's own key, without the number."


class PartingReason(ClosedList):
    """Why a participation is ended before its term."""

    PROVIDER_LEFT = "PROVIDER_LEFT", "The provider left."
    REGULATOR_ENDED = "REGULATOR_ENDED", "The regulator ended it."


class ParticipationEndReason(ClosedList):
    """Why a participation ended."""

    PROVIDER_LEFT = PartingReason.PROVIDER_LEFT
    REGULATOR_ENDED = PartingReason.REGULATOR_ENDED
    TERM_OVER = "TERM_OVER", "The agreed term expired."
    TERMS_CHANGED = "TERMS_CHANGED", "New terms replaced it."
