"""The closed lists of participations: stored as text with a CHECK constraint, with the same names in the graph.

Pure: it may be imported from anywhere in the ledger.
Source: field.md sections 3.3 and 3.5; Law 27 of 2022, article 56, for the grounds of transfers abroad.
"""

from ledger.closed_lists import ClosedList


class Disclosure(ClosedList, graph_name="SignalDisclosure"):
    """How a provider's terms allow it to receive the numbers in signals."""

    CLEAR = "CLEAR", "Numbers in clear, together with their hashes."
    HASHED = "HASHED", "Only hashes under the provider's own key, without the number."


class AgreedOn(ClosedList):
    """How both sides agreed to the terms."""

    PAPER = "PAPER", "Signed outside the gateway; the regulator recorded the terms alone."
    BOTH_SIGNED = (
        "BOTH_SIGNED",
        ("Accepted in the gateway by the provider's signatory and countersigned by the regulator's officer."),
    )


class Party(ClosedList, graph_name="ParticipationParty"):
    """One of the two sides of a participation."""

    PROVIDER = "PROVIDER", "The provider."
    REGULATOR = "REGULATOR", "The regulator."


class PermittedUse(ClosedList):
    """What a provider may do with the signals that it is sent, and nothing else."""

    REVIEW_ACCOUNTS = "REVIEW_ACCOUNTS", "Review accounts under its own terms."
    LIMIT_ACCOUNTS = "LIMIT_ACCOUNTS", "Limit, suspend or close accounts under its own terms."
    WARN_USERS = "WARN_USERS", "Warn its users of numbers and accounts."
    DETECT_FRAUD = "DETECT_FRAUD", "Improve how it detects fraud on its own service."
    COUNT_CASES = "COUNT_CASES", "Make statistics that identify nobody."


class TransferBasis(ClosedList):
    """The legal ground of a transfer abroad, in the order in which the law wants them tried."""

    NO_TRANSFER = "NO_TRANSFER", "Nothing leaves the country."
    EQUAL_PROTECTION = "EQUAL_PROTECTION", "The recipient's country protects personal data equally or better."
    BINDING_SAFEGUARDS = "BINDING_SAFEGUARDS", "Adequate and binding safeguards are in place."
    CONSENT = "CONSENT", "The data subjects consented."


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
