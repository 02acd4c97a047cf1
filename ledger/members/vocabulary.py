"""The closed lists of members. Pure: it may be imported from anywhere in the ledger."""

from ledger.closed_lists import ClosedList


class OfficerChange(ClosedList):
    """What happened to an officer."""

    ADDED = "ADDED", "The officer was added."
    INVITED = "INVITED", "A link for one use was made, with which the officer chooses a login."
    SCOPES_CHANGED = "SCOPES_CHANGED", "What the officer may do was changed."
    DISABLED = "DISABLED", "The officer was disabled."
