"""The closed lists that several nouns share. A noun's own lists stand in its own vocabulary.

Pure. Values are stored as text under a CHECK made from these lists, and shown by the same names in the graph.
Source: the complaint form and the reason codes of field.md sections 1.1 and 3.3.
"""

from ledger.closed_lists import ClosedList


class Category(ClosedList):
    """What a number is complained of."""

    FRAUD = "FRAUD", "Deception for money."
    IMPERSONATION = "IMPERSONATION", "Posing as a person, a firm or an office."
    FICTITIOUS_INVESTMENT = "FICTITIOUS_INVESTMENT", "An investment that does not exist."
    ONLINE_GAMBLING = "ONLINE_GAMBLING", "Advertising of online gambling."
    SPAM_ADVERT = "SPAM_ADVERT", "Unwanted advertising."
    VOICE_PHISHING = "VOICE_PHISHING", "Calls that draw out secrets."
    EXTORTION = "EXTORTION", "Threats for money."
    ILLEGAL_LENDING_COLLECTION = "ILLEGAL_LENDING_COLLECTION", "Collection by an unlicensed lender."
    NIK_MISUSE = "NIK_MISUSE", "A line registered with another person's identity number."
    SUBSCRIPTION_FRAUD = "SUBSCRIPTION_FRAUD", "A service subscribed to without consent."
    OTHER = "OTHER", "Anything else."


class HoldReason(ClosedList):
    """Why the guard holds a draft until an approver overrides it in writing."""

    FEW_COMPLAINANTS = "FEW_COMPLAINANTS", "Fewer distinct people complained than the policy asks."
    BURST = "BURST", "Many complaints came at once."
    SAME_SOURCE = "SAME_SOURCE", "All complaints came from one source."
    SAME_TEXT = "SAME_TEXT", "Complaints of different people read the same."
    PBX = "PBX", "The number looks like a switchboard."
    SPOOFED_CLI_SUSPECTED = "SPOOFED_CLI_SUSPECTED", "The calls may have shown a number that was not theirs."
    PROTECTED = "PROTECTED", "The number is protected."


class BlockRequestStatus(ClosedList):
    """How far a block request has come, in words that fit every instrument."""

    DRAFT = "DRAFT", "Not sent yet."
    AWAITING_ANSWER = "AWAITING_ANSWER", "Sent; its addressee has not answered, or not finally."
    IN_EFFECT = "IN_EFFECT", "Its addressee said that it did what was asked."
    NOT_DONE = "NOT_DONE", "Its addressee said that it can't or won't."
    ENDED = "ENDED", "Withdrawn, closed or lifted."
