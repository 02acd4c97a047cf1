"""When complaints make a fraud signal, and how grave it is. Pure: what was counted and a policy in, a verdict out.

A contribution of a member stands in no rule here: it corroborates, and never raises a signal by itself.
Source: domain.md, Signals; docs/adr/0060.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from ledger.errors import InvalidInputError
from ledger.legal_time import LEGAL_ZONE
from ledger.numbers.vocabulary import RiskTier
from ledger.policies import SignalPolicy
from ledger.vocabulary import Category

WEIGHT_DEFAULT = 100
_WEIGHT_MAX = 1_000_000
_WEIGHT = re.compile(r"([A-Z_]+):([0-9]{1,7})")
RISKS_OF_SIGNALS = (RiskTier.MEDIUM, RiskTier.HIGH, RiskTier.VERY_HIGH)
"""From the least to the gravest; a signal without a risk does not exist."""


class SignalWeightsInvalidError(InvalidInputError):
    """The weights of categories can't be read."""

    code = "SIGNAL_WEIGHTS_INVALID"
    hint = "Write them as FRAUD:100,SPAM_ADVERT:25, each category at most once."


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
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


def parse_category_weights(text: str) -> Mapping[Category, int]:
    """Read `FRAUD:100,SPAM_ADVERT:25`, in hundredths. Errors: SignalWeightsInvalidError."""
    weights: dict[Category, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = _WEIGHT.fullmatch(part)
        if match is None or match[1] not in Category.__members__ or int(match[2]) > _WEIGHT_MAX:
            raise SignalWeightsInvalidError
        category = Category[match[1]]
        if category in weights:
            raise SignalWeightsInvalidError
        weights[category] = int(match[2])
    return weights


def count_score(complainants: int, category: Category, policy: SignalPolicy) -> int:
    """Distinct complainants times the category's weight, in hundredths."""
    return complainants * policy.category_weights.get(category, WEIGHT_DEFAULT)


def find_tier(score: int, policy: SignalPolicy) -> RiskTier:
    """The highest tier whose bound the score reaches; NONE below all of them."""
    bounds = (
        (policy.very_high_score_min, RiskTier.VERY_HIGH),
        (policy.high_score_min, RiskTier.HIGH),
        (policy.medium_score_min, RiskTier.MEDIUM),
    )
    return next((tier for bound, tier in bounds if score >= bound), RiskTier.NONE)


def find_valid_until(confirmed_on: date, policy: SignalPolicy) -> datetime:
    """The midnight in WIB at which a signal ends: by whole days, since the hour would tell when an officer decided."""
    return datetime.combine(confirmed_on + policy.valid + timedelta(days=1), time.min, tzinfo=LEGAL_ZONE)


def judge(standing: Standing | None, category: Category, policy: SignalPolicy) -> Judgement | None:
    """What the signal has to be, or None where there is to be none."""
    if standing is None:
        return None
    score = count_score(standing.complainants, category, policy)
    risk = find_tier(score, policy)
    if risk is RiskTier.NONE:
        return None
    return Judgement(
        risk=risk,
        score=score,
        first_seen_on=standing.first_seen_on,
        last_seen_on=standing.last_seen_on,
        valid_until=find_valid_until(standing.confirmed_on, policy),
    )
