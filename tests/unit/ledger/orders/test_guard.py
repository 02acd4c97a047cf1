"""The guard holds drafts that look wrong, each for a reason that it names."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger.numbers.forms import NumberKind
from ledger.orders.guard import ComplaintFacts, count_distinct_complainants, find_hold_reasons
from ledger.policies import GuardPolicy
from ledger.vocabulary import HoldReason

START = datetime(2026, 3, 2, tzinfo=UTC)
POLICY = GuardPolicy(guard_burst_count=3, guard_same_text_count=2, guard_same_source_count=3)


def hold(*complaints, kind=NumberKind.MOBILE, policy=POLICY):
    return find_hold_reasons(complaints, number_kind=kind, policy=policy)


def facts(source="agency", **more):
    return ComplaintFacts(source_id=source, **more)


class TestGuard:
    def test_lets_a_single_ordinary_complaint_pass_as_the_real_procedure_does(self):
        assert hold(facts()) == ()

    def test_holds_for_few_complainants_when_the_policy_asks_for_more(self):
        policy = GuardPolicy(guard_complainants_min=2)
        assert hold(facts(complainant_ref="a"), policy=policy) == (HoldReason.FEW_COMPLAINANTS,)
        assert hold(facts(complainant_ref="a"), facts(complainant_ref="b"), policy=policy) == ()

    def test_holds_a_burst_of_incidents_but_not_the_same_spread_out(self):
        close = [facts(f"s{n}", incident_at=START + timedelta(minutes=n)) for n in range(3)]
        apart = [facts(f"s{n}", incident_at=START + timedelta(hours=n)) for n in range(3)]
        assert hold(*close) == (HoldReason.BURST,)
        assert hold(*apart) == ()

    def test_holds_when_one_source_names_no_complainant_time_after_time(self):
        assert hold(*[facts()] * 3) == (HoldReason.SAME_SOURCE,)
        assert hold(facts(), facts(), facts("other agency")) == ()

    def test_holds_one_text_filed_again_and_again(self):
        assert hold(*[facts(f"s{n}", chronology_digest="same") for n in range(2)]) == (HoldReason.SAME_TEXT,)

    def test_holds_a_fixed_line_that_may_be_a_switchboard(self):
        assert hold(facts(), kind=NumberKind.FIXED) == (HoldReason.PBX,)

    def test_holds_a_suspected_spoofed_number(self):
        assert hold(facts(marks=("SPOOFED_CLI_SUSPECTED",))) == (HoldReason.SPOOFED_CLI_SUSPECTED,)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.sampled_from("xyz")))))
def test_distinct_complainants_count_names_once_and_each_nameless_source_once(pairs):
    complaints = [facts(source, complainant_ref=ref) for source, ref in pairs]
    named = {ref for _, ref in pairs if ref}
    nameless = {source for source, ref in pairs if ref is None}
    assert count_distinct_complainants(complaints) == len(named) + len(nameless)
