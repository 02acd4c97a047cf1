"""Statistics in the graph: to each party of what it sees, and counts that say whether they are exact."""

from datetime import timedelta

import pytest

from ledger import counting
from tests.support.desk import Desk
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, acknowledge, issue_orders

ASK = """query($from: Date!, $to: Date!) { statistics(from: $from, to: $to) { asOf
  total { day category carrierId region complaints { received verified forwarded }
    orders { issued executed executedOnTime open overdue medianSecondsToBlock p95SecondsToBlock } }
  byDay { day orders { issued } complaints { received } }
  byCarrier { carrier { slug } orders { issued } complaints { received } }
} }"""
MARCH = {"from": "2026-03-01", "to": "2026-03-31"}


@pytest.fixture
async def busy(desk: Desk) -> Desk:
    orders = await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
    await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of + timedelta(hours=2), orders[0])
    return desk


class TestStatistics:
    async def test_tell_the_regulator_of_everybody(self, busy: Desk):
        told = (await busy.ask(busy.parties.officer, ASK, later=timedelta(hours=25), **MARCH)).data["statistics"]
        orders = told["total"]["orders"]
        took = orders.pop("medianSecondsToBlock"), orders.pop("p95SecondsToBlock")
        assert orders == {"issued": 2, "executed": 1, "executedOnTime": 1, "open": 1, "overdue": 1}
        assert all(abs(seconds - 7_200) <= 360 for seconds in took)
        assert told["total"]["complaints"] == {"received": 2, "verified": 2, "forwarded": 2}
        assert [each["day"] for each in told["byDay"]] == ["2026-03-02"]
        by_carrier = {
            each["carrier"]["slug"]: (each["orders"]["issued"], each["complaints"]) for each in told["byCarrier"]
        }
        assert by_carrier == {"telkomsel": (1, None), "indosat": (1, None)}

    async def test_tell_a_carrier_of_its_own_orders_and_of_no_complaint(self, busy: Desk):
        told = (await busy.ask(busy.parties.telkomsel, ASK, **MARCH)).data["statistics"]
        assert (told["total"]["orders"]["issued"], told["total"]["complaints"]) == (1, None)
        assert [each["carrier"]["slug"] for each in told["byCarrier"]] == ["telkomsel"]

    async def test_tell_an_agency_of_its_own_complaints_and_of_no_order(self, busy: Desk):
        own = (await busy.ask(busy.parties.agency, ASK, **MARCH)).data["statistics"]
        assert (own["total"]["orders"], own["total"]["complaints"]["received"]) == (None, 2)
        other = (await busy.ask(busy.parties.other_agency, ASK, **MARCH)).data["statistics"]
        assert (other["total"]["complaints"]["received"], other["byCarrier"]) == (0, [])

    async def test_tell_a_provider_nothing(self, busy: Desk):
        assert (await busy.ask(busy.parties.provider, ASK, **MARCH)).problems == ["FORBIDDEN"]

    @pytest.mark.parametrize(
        ("period", "code"),
        [
            ({"from": "2026-03-31", "to": "2026-03-01"}, "PERIOD_REVERSED"),
            ({"from": "2024-03-31", "to": "2026-03-01"}, "PERIOD_TOO_LONG"),
        ],
    )
    async def test_of_no_period_are_refused(self, desk: Desk, period: dict[str, str], code: str):
        assert (await desk.ask(desk.parties.officer, ASK, **period)).problems == [code]


class TestTotalCount:
    async def test_beyond_the_bound_says_that_it_is_not_exact(self, busy: Desk, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(counting, "COUNTED_MAX", 1)
        ask = "query($f: BlockOrderFilter) { blockOrders(filter: $f, first: 1) { totalCount isExact } }"
        for wanted, told in (
            ({}, {"totalCount": 2, "isExact": True}),
            ({"states": ["ISSUED"], "wasLate": False}, {"totalCount": 1, "isExact": True}),
            ({"dueBefore": "2027-01-01T00:00:00Z"}, {"totalCount": 1, "isExact": False}),
            ({"number": TELKOMSEL_NUMBER}, {"totalCount": 1, "isExact": True}),
        ):
            answer = await busy.ask(busy.parties.officer, ask, f=wanted)
            assert answer.data["blockOrders"] == told, wanted

    async def test_and_whether_it_is_exact_are_counted_once(self, busy: Desk):
        alone = await busy.ask(busy.parties.officer, "{ blockOrders { totalCount } }")
        both = await busy.ask(busy.parties.officer, "{ blockOrders { totalCount isExact again: totalCount } }")
        assert len(both.statements) == len(alone.statements)
