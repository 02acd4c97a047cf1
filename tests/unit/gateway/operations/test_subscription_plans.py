"""What a subscription asks for, worked out before it runs, on the graph as it is."""

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse, validate

from auth.scopes import BY_KIND
from gateway.operations.costs import CostModel
from gateway.operations.plans import Plan, Planner
from gateway.operations.protection import Protection
from ledger.viewer import MemberKind
from schema.graph import schema

GRAPH = schema._schema
ROOTS = sorted(GRAPH.subscription_type.fields)
NEEDS = {"blockRequestEvents": "orders:read", "complaintEvents": "complaints:read", "feed": "feed:read"}
HIDDEN = """subscription { ...Hidden } fragment Hidden on Subscription { alias: feed { entry { ...Inner } } }
fragment Inner on FeedEntry { position seen: reservedText }"""


def plan_of(text: str, **variables) -> Plan:
    document = parse(text)
    assert validate(GRAPH, document) == []
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    (operation,) = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    costs = CostModel(GRAPH, page_size_max=500, list_items_max=1000, list_size_assumed=50)
    planner = Planner(GRAPH, Protection(GRAPH), costs, selections_max=1000, cost_max=20_000)
    return planner.plan(operation, fragments, variables)


def list_denied(plan: Plan, scopes: frozenset[str] | None) -> list[str]:
    return [use.coordinate for use in plan.protected if not use.requirement.is_met_by(scopes)]


class TestPlanOfASubscription:
    @pytest.mark.parametrize("name", ROOTS)
    def test_notes_what_its_root_field_needs(self, name: str):
        plan = plan_of(f"subscription {{ {name} {{ cursor }} }}")
        assert f"Subscription.{name}" in list_denied(plan, frozenset())
        assert f"Subscription.{name}" in list_denied(plan, None)
        assert plan.cost > 0

    @pytest.mark.parametrize(("name", "scope"), NEEDS.items())
    def test_needs_one_scope_for_messages_alone(self, name: str, scope: str):
        plan = plan_of(f"subscription {{ {name} {{ cursor }} }}")
        assert list_denied(plan, frozenset({scope})) == []

    def test_finds_the_regulators_fields_behind_fragments_and_aliases(self):
        plan = plan_of(HIDDEN)
        member = frozenset(BY_KIND[MemberKind.CARRIER])
        assert list_denied(plan, member) == ["FeedEntry.reservedText"]
        assert list_denied(plan, frozenset(BY_KIND[MemberKind.REGULATOR])) == []

    def test_weighs_one_message(self):
        bare = plan_of("subscription { blockRequestEvents { cursor } }").cost
        full = plan_of(
            "subscription { blockRequestEvents { cursor event { blockOrder { id acknowledgements { kind } } } } }"
        ).cost
        assert bare < full < 50
