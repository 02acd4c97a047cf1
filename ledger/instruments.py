"""What all instruments that complaints lead to have in common. A block order is one kind of instrument. Pure."""

from dataclasses import dataclass

from ledger.feed.vocabulary import EventKind, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One kind of instrument: its events in the log, and two SELECTs over its tables.

    subject and kinds are those of its events. behind returns the complaint_id of every complaint that the instruments
    with the ids :ids are based on. results returns a row for each instrument of a complaint: complaint_id, is_pending,
    and, once it is no longer pending, its outcome (a ComplaintOutcome). outcome_column is the column of complaints that
    has the outcome of this kind alone.
    """

    subject: Subject
    outcome_column: str
    kinds: frozenset[EventKind]
    behind: str
    results: str
