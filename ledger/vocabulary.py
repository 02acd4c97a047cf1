"""The closed lists that several nouns share. A noun's own lists are in its own `vocabulary.py`.

Pure. Values are stored as text under a CHECK generated from these lists, and appear under the same names in the graph.
Source: the complaint form and the reason codes of field.md sections 1.1 and 3.3.
"""

from ledger.closed_lists import ClosedList


class Category(ClosedList):
    """What a number is reported for."""

    FRAUD = "FRAUD", "Deception for financial gain."
    IMPERSONATION = "IMPERSONATION", "Posing as a person, a company or an authority."
    FICTITIOUS_INVESTMENT = "FICTITIOUS_INVESTMENT", "An investment that does not exist."
    ONLINE_GAMBLING = "ONLINE_GAMBLING", "Advertising of online gambling."
    SPAM_ADVERT = "SPAM_ADVERT", "Unwanted advertising."
    VOICE_PHISHING = "VOICE_PHISHING", "Calls that elicit confidential information."
    EXTORTION = "EXTORTION", "Demanding money with threats."
    ILLEGAL_LENDING_COLLECTION = "ILLEGAL_LENDING_COLLECTION", "Debt collection by an unlicensed lender."
    NIK_MISUSE = "NIK_MISUSE", "A line registered with another person's identity number."
    SUBSCRIPTION_FRAUD = "SUBSCRIPTION_FRAUD", "A subscription to a service without consent."
    OTHER = "OTHER", "Anything else."


class HoldReason(ClosedList):
    """Why the guard holds a draft until an approver overrides it in writing."""

    FEW_COMPLAINANTS = "FEW_COMPLAINANTS", "Fewer distinct people complained than the policy requires."
    BURST = "BURST", "Many complaints arrived at once."
    SAME_SOURCE = "SAME_SOURCE", "All complaints came from one source."
    SAME_TEXT = "SAME_TEXT", "Complaints by different people have the same text."
    PBX = "PBX", "The number looks like a switchboard."
    SPOOFED_CLI_SUSPECTED = "SPOOFED_CLI_SUSPECTED", "The caller ID may have been spoofed."
    PROTECTED = "PROTECTED", "The number is protected."


class BlockRequestStatus(ClosedList):
    """How far a block request has progressed, in terms common to all instruments."""

    DRAFT = "DRAFT", "Not sent yet."
    AWAITING_ANSWER = "AWAITING_ANSWER", "Sent; the addressee has not answered, or has given no final answer."
    IN_EFFECT = "IN_EFFECT", "The addressee reported that it did what was asked."
    NOT_DONE = "NOT_DONE", "The addressee reported that it can't or won't do it."
    ENDED = "ENDED", "Withdrawn, closed or lifted."


class Platform(ClosedList):
    """A platform that people are reached through: one whose handles follow rules that are known, or OTHER."""

    WHATSAPP = "WHATSAPP", "WhatsApp; a handle is a telephone number."
    TELEGRAM = "TELEGRAM", "Telegram; a handle is a user name or a telephone number."
    FACEBOOK = "FACEBOOK", "Facebook and Messenger, which share their accounts; a handle is a name or a numeric ID."
    INSTAGRAM = "INSTAGRAM", "Instagram; a handle is a user name."
    TIKTOK = "TIKTOK", "TikTok; a handle is a user name."
    X = "X", "X, formerly Twitter; a handle is a user name."
    LINE = "LINE", "LINE; a handle is a person's ID, or an official account's, which begins with @."
    SIGNAL = "SIGNAL", "Signal; a handle is a telephone number or a user name."
    YOUTUBE = "YOUTUBE", "YouTube; a handle begins with @, or with the kind of its address, as in channel/UC..."
    DISCORD = "DISCORD", "Discord; a handle is a user name, or a numeric ID after users/."
    VIBER = "VIBER", "Viber; a handle is a telephone number."
    OTHER = "OTHER", "Any other platform, which is told by its name or its domain."
