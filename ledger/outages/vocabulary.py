"""The closed lists of outages. Pure: it may be imported from anywhere in the ledger."""

from ledger.closed_lists import ClosedList


class OutageCause(ClosedList):
    """How the gateway knows of an outage of its own."""

    DETECTED = "DETECTED", "No process of the gateway was running, or none reached the database."
    DECLARED = "DECLARED", "An operator declared it, for what the gateway can't notice itself."
