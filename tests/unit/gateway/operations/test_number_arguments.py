"""Which fields of the graph look numbers up by their value: a new one counts without anybody having to list it."""

from gateway.operations.number_arguments import names_numbers
from schema.graph import schema

GRAPH = schema._schema


def list_lookups(type_name: str) -> set[str]:
    return {name for name, field in GRAPH.type_map[type_name].fields.items() if names_numbers(field, field.args)}


class TestNumberArguments:
    def test_of_queries_are_found_by_type_and_by_mark(self):
        assert list_lookups("Query") >= {"number", "fraudSignals", "complaints", "blockOrders"}
        assert not list_lookups("Query") & {"numbers", "viewer", "members", "_entities"}

    def test_are_in_no_subscription_whose_executions_are_shared(self):
        assert list_lookups("Subscription") == set()
