"""Comparing a side's answer with PostgreSQL's, field by field."""

import orjson
import pytest

from bench.read_loads import compare_answers, find_difference
from bench.serving import AnswerError

_RIGHT = {
    "blockOrders": {"nodes": [{"id": "1", "isLate": False, "dueAt": "2026-11-28T05:00:00.12+00:00"}, {"id": "2"}]}
}


class TestComparingAnswers:
    @pytest.mark.parametrize("moment", ["2026-11-28T05:00:00.120000Z", "2026-11-28T12:00:00.12+07:00"])
    def test_takes_any_notation_of_the_same_moment(self, moment: str) -> None:
        assert find_difference({"at": moment}, {"at": "2026-11-28T05:00:00.12+00:00"}) is None

    def test_tells_moments_apart_by_a_microsecond(self) -> None:
        found = find_difference({"at": "2026-11-28T05:00:00.120001Z"}, {"at": "2026-11-28T05:00:00.12+00:00"})
        assert found is not None
        assert found.startswith("data.at is")

    @pytest.mark.parametrize(
        ("answered", "where"),
        [
            ({"blockOrders": {"nodes": [_RIGHT["blockOrders"]["nodes"][0]]}}, "data.blockOrders.nodes has 1 items"),
            ({"blockOrders": {"nodes": [{"id": "1"}, {"id": "2"}]}}, "data.blockOrders.nodes[0] has ['id']"),
            (
                {"blockOrders": {"nodes": [_RIGHT["blockOrders"]["nodes"][0], {"id": 2}]}},
                "data.blockOrders.nodes[1].id",
            ),
            ({"blockOrders": None}, "data.blockOrders is None"),
        ],
        ids=["an item is missing", "a field is missing", "a number for a text", "null"],
    )
    def test_names_the_place_where_an_answer_departs(self, answered: object, where: str) -> None:
        found = find_difference(answered, _RIGHT)
        assert found is not None
        assert found.startswith(where)

    def test_does_not_take_0_for_false(self) -> None:
        assert find_difference({"isLate": 0}, {"isLate": False}) == "data.isLate is 0, not False"

    def test_refuses_data_beside_errors(self) -> None:
        body = orjson.dumps({"data": _RIGHT, "errors": [{"message": "no"}]})
        with pytest.raises(AnswerError, match=r"side: .*no"):
            compare_answers("side", body, _RIGHT)
