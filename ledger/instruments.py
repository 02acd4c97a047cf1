"""What every instrument of a complaint has in common: a block order is one, and never turns into another. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One kind of instrument, as two SELECTs that know its tables.

    behind returns the complaint_id of every complaint behind the instruments whose ids are :ids. results returns a row
    for each instrument behind a complaint: complaint_id, is_pending, and the outcome (a ComplaintOutcome) that it has
    come to once it is not.
    """

    behind: str
    results: str
