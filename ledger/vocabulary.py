"""The closed lists that several nouns share. A noun's own lists stand in its own vocabulary.

Pure. Values are stored as text under a CHECK made from these lists, and shown by the same names in the graph.
Source: the complaint form and the reason codes of field.md sections 1.1 and 3.3.
"""

from enum import StrEnum


class Category(StrEnum):
    """What a number is complained of."""

    FRAUD = "FRAUD"
    IMPERSONATION = "IMPERSONATION"
    FICTITIOUS_INVESTMENT = "FICTITIOUS_INVESTMENT"
    ONLINE_GAMBLING = "ONLINE_GAMBLING"
    SPAM_ADVERT = "SPAM_ADVERT"
    VOICE_PHISHING = "VOICE_PHISHING"
    EXTORTION = "EXTORTION"
    ILLEGAL_LENDING_COLLECTION = "ILLEGAL_LENDING_COLLECTION"
    NIK_MISUSE = "NIK_MISUSE"
    SUBSCRIPTION_FRAUD = "SUBSCRIPTION_FRAUD"
    OTHER = "OTHER"


class HoldReason(StrEnum):
    """Why the guard holds a draft until an approver overrides it in writing."""

    FEW_COMPLAINANTS = "FEW_COMPLAINANTS"
    BURST = "BURST"
    SAME_SOURCE = "SAME_SOURCE"
    SAME_TEXT = "SAME_TEXT"
    PBX = "PBX"
    SPOOFED_CLI_SUSPECTED = "SPOOFED_CLI_SUSPECTED"
    PROTECTED = "PROTECTED"


class BlockRequestStatus(StrEnum):
    """How far a block request has come, in words that fit every instrument."""

    DRAFT = "DRAFT"
    AWAITING_ANSWER = "AWAITING_ANSWER"
    IN_EFFECT = "IN_EFFECT"
    NOT_DONE = "NOT_DONE"
    ENDED = "ENDED"
