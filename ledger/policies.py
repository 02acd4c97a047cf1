"""Policies: the numbers that a regulator may choose. Settings fill them; none is a constant of the domain.

Units: durations as timedelta, counts as plain integers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from ledger.vocabulary import Category


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


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPolicy:
    """When a draft is held until an approver overrides in writing.

    complainants_min: distinct complainants below which a draft is held (one: the real procedure).
    burst_count within burst_window: incidents so close together look coordinated.
    same_text_count: complaints of one number with one and the same chronology.
    same_source_count: complaints of one number, all from one source and none with a complainant.
    """

    complainants_min: int = 1
    burst_count: int = 20
    burst_window: timedelta = timedelta(minutes=10)
    same_text_count: int = 3
    same_source_count: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalPolicy:
    """When verified complaints raise a fraud signal, and for how long.

    A score is the distinct complainants (counted as for risk) times the category's weight, in hundredths; a category
    without a weight has 100. valid counts from the day of the last confirmation. key_overlap is how long a provider's
    older key is used beside the newest.
    """

    category_weights: Mapping[Category, int] = field(default_factory=dict)
    medium_score_min: int = 100
    high_score_min: int = 300
    very_high_score_min: int = 1_000
    valid: timedelta = timedelta(days=90)
    key_overlap: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """Every policy of the ledger."""

    order_due: timedelta = timedelta(hours=24)
    lift_due: timedelta = timedelta(hours=24)
    acknowledgement_skew: timedelta = timedelta(minutes=5)
    extension_max: timedelta = timedelta(days=7)
    information_due: timedelta = timedelta(days=14)
    guard: GuardPolicy = field(default_factory=GuardPolicy)
    filing: FilingPolicy = field(default_factory=FilingPolicy)
    risk: RiskPolicy = field(default_factory=RiskPolicy)
    signals: SignalPolicy = field(default_factory=SignalPolicy)
