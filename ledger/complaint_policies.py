"""Policies of complaints: limits of what is filed, the verification clock, and when a number counts as risky.

Settings may fill them; none is a constant of the domain. Units stand in the names.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingPolicy:
    """What one complaint may hold, and the clocks that start with it.

    incident_skew: how far ahead of our clock an incident's time may lie.
    evidence_call_bytes_max: evidence of all the complaints of one call together.
    """

    chronology_characters_max: int = 100_000
    evidence_bytes_max: int = 10 * 1024 * 1024
    evidence_items_max: int = 10
    evidence_call_bytes_max: int = 64 * 1024 * 1024
    loss_rupiah_max: int = 10**15
    incident_skew: timedelta = timedelta(minutes=5)
    verification_due: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPolicy:
    """How many distinct complainants of verified complaints make a number risky.

    Complaints without a complainant count as one for each source.
    """

    medium_complainants_min: int = 1
    high_complainants_min: int = 3
    very_high_complainants_min: int = 10


FILING_POLICY = FilingPolicy()
RISK_POLICY = RiskPolicy()
