"""The golden queries through the gateway's own steps: compiled, they have the same bytes, by one statement each."""

from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse

from tests.queries.test_queries import FOLDERS, QUERIES, check_golden, desk  # noqa: F401 - the fixture
from tests.support.desk import Desk, principal_of
from tests.support.pipeline import make_way

LIVE = {"access_records/of_an_auditor", "feed/events_of_orders", "feed/of_a_carrier", "feed/of_the_regulator",
        "orders/what_waits_for_an_officer", "signals/of_a_carrier",
        "statistics/of_a_carrier", "statistics/of_the_regulator"}  # fmt: skip
"""Those that ask for something that is no record of the ledger, or is sealed there."""


class TestCompiledQuery:
    @pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(QUERIES)))
    async def test_has_the_same_bytes_by_one_statement_for_each_root_field(self, desk: Desk, folder: Path) -> None:  # noqa: F811
        query = (folder / "query.graphql").read_text(encoding="utf-8")
        party = getattr(desk.parties, query.splitlines()[0].removeprefix("# ").strip())
        principal = principal_of(party, desk.as_of)
        compiled, ordinary = (make_way(desk.database, compiled=each, entity_tags=False) for each in (True, False))
        answer = await compiled.run(principal, query, as_of=desk.as_of)
        expected = await ordinary.run(principal, query, as_of=desk.as_of)
        assert (answer.status, answer.body) == (expected.status, expected.body)
        if str(folder.relative_to(QUERIES)) in LIVE:
            return
        operation = parse(query).definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        # `viewer` is told by the token.
        roots = [root for root in operation.selection_set.selections if getattr(root, "name", root).value != "viewer"]
        assert len(compiled.sql) == len(roots)
        check_golden(folder / "compiled.sql", ";\n\n".join(each.strip() for each in compiled.sql) + "\n")
