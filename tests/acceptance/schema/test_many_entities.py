"""Many representations that can't be resolved: each is null, and one problem isn't told thousands of times."""

from gateway.operations.failures import ALIKE_MAX
from ledger.identifiers import new_id
from tests.support.graph_site import Site

ENTITIES = "query($r: [_Any!]!) { _entities(representations: $r) { ... on BlockOrder { id } } }"


class TestManyBadRepresentations:
    def test_are_told_by_problem_and_counted(self, site: Site) -> None:
        unknown = [{"__typename": "BlockOrder", "id": new_id()} for _ in range(600)]
        wrong = [{"__typename": "Nothing", "id": "1"}] * 600
        reply = site.send(site.token(site.parties.telkomsel), ENTITIES, r=[*unknown, *wrong])
        assert reply.body["data"]["_entities"] == [None] * 1_200
        assert reply.problems == ["NOT_FOUND"] * ALIKE_MAX + ["REPRESENTATION_INVALID"] * ALIKE_MAX
        omitted = [error["extensions"]["omitted"] for error in reply.body["errors"] if "omitted" in error["extensions"]]
        assert omitted == [600 - ALIKE_MAX] * 2
        assert len(reply.content) < 20_000
