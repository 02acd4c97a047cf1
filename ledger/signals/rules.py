"""When complaints amount to a fraud signal, and at which risk. Pure: from counts and a policy to a judgement.

No rule here considers members' contributions: they corroborate a signal, and never raise one.
Source: domain.md, Signals; docs/adr/0060.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from ledger.legal_time import LEGAL_ZONE
from ledger.numbers.vocabulary import RiskTier
from ledger.policies import SignalPolicy
from ledger.vocabulary import Category

WEIGHT_DEFAULT = 100
RISKS_OF_SIGNALS = (RiskTier.MEDIUM, RiskTier.HIGH, RiskTier.VERY_HIGH)
"""In ascending order; a signal always has one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintTally:
    """The totals of the verified complaints of one number, epoch and category.

    Units: days are WIB; first_seen_on and last_seen_on are days of incidents, confirmed_on is a day of verification.
    """

    complainants: int
    first_seen_on: date
    last_seen_on: date
    confirmed_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a signal should be: its risk (never NONE), the score behind it, and how long it is valid."""

    risk: RiskTier
    score: int
    first_seen_on: date
    last_seen_on: date
    valid_until: datetime


def count_score(complainants: int, category: Category, policy: SignalPolicy) -> int:
    """Return the number of distinct complainants times the category's weight, in hundredths."""
    return complainants * policy.signal_category_weights.get(category, WEIGHT_DEFAULT)


def find_tier(score: int, policy: SignalPolicy) -> RiskTier:
    """Return the highest tier whose bound the score reaches, or NONE below all of them."""
    bounds = (
        (policy.signal_score_very_high, RiskTier.VERY_HIGH),
        (policy.signal_score_high, RiskTier.HIGH),
        (policy.signal_score_medium, RiskTier.MEDIUM),
    )
    return next((tier for bound, tier in bounds if score >= bound), RiskTier.NONE)


def find_valid_until(confirmed_on: date, policy: SignalPolicy) -> datetime:
    """Return the midnight in WIB at which a signal ends. An exact hour would reveal when an officer decided."""
    return datetime.combine(confirmed_on + timedelta(days=policy.signal_valid_days + 1), time.min, tzinfo=LEGAL_ZONE)


def judge(tally: ComplaintTally | None, category: Category, policy: SignalPolicy) -> Judgement | None:
    """Return what the signal should be, or None if there should be none."""
    if tally is None:
        return None
    score = count_score(tally.complainants, category, policy)
    risk = find_tier(score, policy)
    if risk is RiskTier.NONE:
        return None
    return Judgement(
        risk=risk,
        score=score,
        first_seen_on=tally.first_seen_on,
        last_seen_on=tally.last_seen_on,
        valid_until=find_valid_until(tally.confirmed_on, policy),
    )
