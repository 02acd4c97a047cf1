"""When complaints make a fraud signal, and how grave it is. Pure: what was counted and a policy in, a verdict out.

A contribution of a member stands in no rule here: it corroborates, and never raises a signal by itself.
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
"""From the least to the gravest; a signal without a risk does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintTally:
    """What the verified complaints of one number, epoch and category come to.

    Units: days are WIB; first and last seen go by the incidents, confirmed_on by the verifications.
    """

    complainants: int
    first_seen_on: date
    last_seen_on: date
    confirmed_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a signal has to be: its risk, never NONE, the score behind it, and until when it holds."""

    risk: RiskTier
    score: int
    first_seen_on: date
    last_seen_on: date
    valid_until: datetime


def count_score(complainants: int, category: Category, policy: SignalPolicy) -> int:
    """Distinct complainants times the category's weight, in hundredths."""
    return complainants * policy.signal_category_weights.get(category, WEIGHT_DEFAULT)


def find_tier(score: int, policy: SignalPolicy) -> RiskTier:
    """The highest tier whose bound the score reaches; NONE below all of them."""
    bounds = (
        (policy.signal_score_very_high, RiskTier.VERY_HIGH),
        (policy.signal_score_high, RiskTier.HIGH),
        (policy.signal_score_medium, RiskTier.MEDIUM),
    )
    return next((tier for bound, tier in bounds if score >= bound), RiskTier.NONE)


def find_valid_until(confirmed_on: date, policy: SignalPolicy) -> datetime:
    """The midnight in WIB at which a signal ends: by whole days, since the hour would tell when an officer decided."""
    return datetime.combine(confirmed_on + timedelta(days=policy.signal_valid_days + 1), time.min, tzinfo=LEGAL_ZONE)


def judge(tally: ComplaintTally | None, category: Category, policy: SignalPolicy) -> Judgement | None:
    """What the signal has to be, or None where there is to be none."""
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
