"""The closed lists of participations: stored as text under a CHECK, and shown by the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from enum import StrEnum


class Disclosure(StrEnum):
    """How a provider's terms let it have the numbers of signals."""

    CLEAR = "CLEAR"
    HASHED = "HASHED"


class PartingReason(StrEnum):
    """Why a participation is ended by hand."""

    PROVIDER_LEFT = "PROVIDER_LEFT"
    REGULATOR_ENDED = "REGULATOR_ENDED"


class ParticipationEndReason(StrEnum):
    """Why a participation is over."""

    PROVIDER_LEFT = "PROVIDER_LEFT"
    REGULATOR_ENDED = "REGULATOR_ENDED"
    TERM_OVER = "TERM_OVER"
    TERMS_CHANGED = "TERMS_CHANGED"
