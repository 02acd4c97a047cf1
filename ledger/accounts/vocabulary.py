"""The closed lists of accounts. Pure: it may be imported from anywhere in the ledger."""

from ledger.closed_lists import ClosedList


class AccountKind(ClosedList):
    """What a handle or an address that somebody wrote leads to."""

    ACCOUNT = "ACCOUNT", "An account; its handle is in the platform's one form."
    GROUP = "GROUP", "A group, a community or an invitation to one, kept as it was written."
    POST = "POST", "A post, a message or a video, kept as it was written."
    UNREAD = "UNREAD", "Something that can't be read as an account with certainty, kept as it was written."


class AccountSort(ClosedList, graph_name="PlatformAccountSort"):
    """How a list of accounts is ordered."""

    NEWEST = "NEWEST", "Most recently recorded first."
    LAST_SEEN = "LAST_SEEN", "Those with the most recent complaint first; finds nothing for all but the regulator."
    MOST_COMPLAINTS = "MOST_COMPLAINTS", "Those with most complaints first; finds nothing for all but the regulator."
