"""When complaints make a signal: the rule alone."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.numbers.vocabulary import RiskTier
from ledger.policies import SignalPolicy, SignalWeightsInvalidError, parse_category_weights
from ledger.signals.rules import (
    ComplaintTally,
    count_score,
    find_tier,
    find_valid_until,
    judge,
)
from ledger.vocabulary import Category

DAY = date(2026, 3, 2)
ORDER = list(RiskTier)
weights = st.dictionaries(st.sampled_from(Category), st.integers(0, 10_000))
bounds = st.lists(st.integers(1, 100_000), min_size=3, max_size=3).map(sorted)


def tally(complainants):
    return ComplaintTally(complainants=complainants, first_seen_on=DAY, last_seen_on=DAY, confirmed_on=DAY)


def risk_of(complainants, category, policy):
    judged = judge(tally(complainants), category, policy)
    return RiskTier.NONE if judged is None else judged.risk


@st.composite
def policies(draw):
    medium, high, very_high = draw(bounds)
    return SignalPolicy(
        signal_category_weights=draw(weights),
        signal_score_medium=medium,
        signal_score_high=high,
        signal_score_very_high=very_high,
    )


class TestJudge:
    @given(policies(), st.sampled_from(Category), st.integers(0, 5_000), st.integers(0, 5_000))
    def test_never_lowers_the_risk_for_more_complainants(self, policy, category, fewer, more):
        fewer, more = sorted((fewer, more))
        risks = [ORDER.index(risk_of(count, category, policy)) for count in (fewer, more)]
        assert risks == sorted(risks)

    @given(policies(), st.sampled_from(Category), st.integers(0, 5_000))
    def test_says_a_risk_exactly_where_the_score_reaches_a_bound(self, policy, category, complainants):
        judged = judge(tally(complainants), category, policy)
        score = count_score(complainants, category, policy)
        assert (judged is None) == (score < policy.signal_score_medium)
        if judged is not None:
            assert judged.risk is find_tier(score, policy)
            assert judged.risk is not RiskTier.NONE

    @pytest.mark.parametrize(
        ("complainants", "risk"),
        [
            (0, RiskTier.NONE),
            (1, RiskTier.MEDIUM),
            (2, RiskTier.MEDIUM),
            (3, RiskTier.HIGH),
            (9, RiskTier.HIGH),
            (10, RiskTier.VERY_HIGH),
            (10_000, RiskTier.VERY_HIGH),
        ],
    )
    def test_goes_by_the_bounds_that_are_set(self, complainants, risk):
        assert risk_of(complainants, Category.FRAUD, SignalPolicy()) is risk

    def test_weighs_a_category_in_hundredths(self):
        policy = SignalPolicy(signal_category_weights={Category.SPAM_ADVERT: 25, Category.EXTORTION: 300})
        assert risk_of(3, Category.SPAM_ADVERT, policy) is RiskTier.NONE
        assert risk_of(4, Category.SPAM_ADVERT, policy) is RiskTier.MEDIUM
        assert risk_of(1, Category.EXTORTION, policy) is RiskTier.HIGH
        assert risk_of(1, Category.OTHER, policy) is RiskTier.MEDIUM

    def test_says_nothing_without_complaints(self):
        assert judge(None, Category.FRAUD, SignalPolicy()) is None


class TestValidity:
    def test_ends_at_a_midnight_in_jakarta(self):
        until = find_valid_until(DAY, SignalPolicy(signal_valid_days=90))
        assert until == datetime(2026, 5, 31, 17, 0, tzinfo=UTC)


class TestWeights:
    def test_are_read_from_the_setting(self):
        assert parse_category_weights("FRAUD:100, SPAM_ADVERT:25,") == {Category.FRAUD: 100, Category.SPAM_ADVERT: 25}
        assert parse_category_weights("") == {}

    @pytest.mark.parametrize(
        "text", ["FRAUD", "FRAUD:-1", "FRAUD:1,FRAUD:2", "NOTHING:1", "FRAUD:99999999", "FRAUD:1.5"]
    )
    def test_are_refused_where_they_can_not_be_meant(self, text):
        with pytest.raises(SignalWeightsInvalidError):
            parse_category_weights(text)
