"""The closed lists of forwarding: stored as text with a CHECK constraint, and shown under the same names in the graph.

Pure: it may be imported from anywhere in the ledger. Source: field.md section 3.3.
"""

from ledger.closed_lists import ClosedList


class ForwardingResult(ClosedList):
    """What a forwarding run did with one number's or account's complaints."""

    DRAFTED = "DRAFTED", "An order was drafted."
    HELD = "HELD", "An order was drafted, and the guard holds it."
    JOINED = "JOINED", "The complaints joined an order or a referral that was already open."
    OFFERED = "OFFERED", "A referral is offered to the provider once an officer approves the manifest."
    NO_PROVIDER = (
        "NO_PROVIDER",
        "No provider that takes part can be asked; the approval ends the complaints with that outcome.",
    )
    NOT_DOMESTIC = "NOT_DOMESTIC", "The number is foreign; nothing was ordered."
    PROTECTED = "PROTECTED", "The number is protected; nothing was ordered."
    UNALLOCATED = "UNALLOCATED", "No range holds the number; nothing was ordered."
    HOLDER_UNKNOWN = "HOLDER_UNKNOWN", "The holder of the range is not known; the number waits for an officer."
    RECYCLED = "RECYCLED", "The number belonged to another subscriber at the time; nothing was ordered."


class ScheduleKind(ClosedList, graph_name="ForwardingScheduleKind"):
    """When the gateway itself starts forwarding runs."""

    OFF = "OFF", "Never; officers start them."
    DAILY = "DAILY", "Each day at an hour (WIB)."
    MONTHLY = "MONTHLY", "Each month, on a day at an hour (WIB)."
    CONTINUOUS = "CONTINUOUS", "Every few minutes, for what was verified meanwhile."
