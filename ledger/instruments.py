"""What every instrument of a complaint has in common: a block order is one, and never turns into another. Pure."""

from dataclasses import dataclass

from ledger.feed.vocabulary import EventKind, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One kind of instrument: what the log says of it, and two SELECTs that know its tables.

    subject and kinds are those of its events. behind returns the complaint_id of every complaint behind the instruments
    whose ids are :ids. results returns a row for each instrument behind a complaint: complaint_id, is_pending, and the
    outcome (a ComplaintOutcome) that it has come to once it is not.
    """

    subject: Subject
    kinds: frozenset[EventKind]
    behind: str
    results: str
