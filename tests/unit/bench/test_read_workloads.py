"""The questions of the read benchmarks are valid in the graph as it is, whoever changes it."""

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from bench.read_workloads import COMPLAINTS, DASHBOARD, LOOK_UP, POLL, POLL_WITH_NUMBERS, STATISTICS, Workload

_SCHEMA = build_schema(
    (Path(__file__).parents[3] / "schema" / "schema.graphql").read_text(encoding="utf-8"), assume_valid=True
)
_ALL = [each for each in (POLL, POLL_WITH_NUMBERS, LOOK_UP, COMPLAINTS, DASHBOARD, STATISTICS) if each is not None]


@pytest.mark.parametrize("workload", _ALL, ids=lambda workload: workload.name)
class TestAWorkload:
    def test_asks_what_the_graph_has(self, workload: Workload) -> None:
        assert validate(_SCHEMA, parse(workload.document)) == []

    def test_has_a_value_for_every_variable_of_its_document(self, workload: Workload) -> None:
        (operation,) = parse(workload.document).definitions
        declared = {each.variable.name.value for each in operation.variable_definitions or ()}
        assert all(set(values) == declared for values in workload.variables)
