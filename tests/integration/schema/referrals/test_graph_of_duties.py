"""The graph has no way to give a referral a due time, a lateness, a sanction or an order, nor to rank providers."""

import re

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, get_named_type

from schema.graph import schema

GRAPH = schema._schema
DUTY = re.compile(
    r"due|deadline|sanction|fine$|penal|oblig|mandatory|wasLate|isLate|late$|rank|score|rating|compliance|"
    r"responseRate|supersede|convert",
)
MEASURE = re.compile(r"([Rr]ate|Count|rank|best|worst)(s|$)")
OF_REFERRALS = sorted(name for name in GRAPH.type_map if "Referral" in name)
SHARED = {"BlockRequest", "Acknowledgement", "BlockRequestsOfNumber", "BlockRequestFilter"}
ORDERS = re.compile(r"BlockOrder|OrderAcknowledgement|OrderExtension")


def fields_of(name):
    kind = GRAPH.type_map[name]
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        return list(kind.fields.items())
    return []


class TestTypes:
    def test_are_all_here(self):
        assert {"Referral", "ReferralResponse", "ReferralEvent", "ReferralFilter", "ReferralSort"} <= set(OF_REFERRALS)

    @pytest.mark.parametrize("name", [*OF_REFERRALS, *sorted(SHARED)])
    def test_have_no_field_input_or_value_with_a_word_of_duty(self, name):
        kind = GRAPH.type_map[name]
        words = [field for field, _ in fields_of(name)]
        if isinstance(kind, GraphQLEnumType):
            words += [value.lower() for value in kind.values]
        assert not [word for word in words if DUTY.search(word)]

    @pytest.mark.parametrize("name", OF_REFERRALS)
    def test_lead_to_no_order(self, name):
        leads = {get_named_type(field.type).name for _, field in fields_of(name)}
        assert not [each for each in leads if ORDERS.search(each)]

    @pytest.mark.parametrize("name", [name for name in GRAPH.type_map if ORDERS.search(name)])
    def test_of_orders_lead_to_no_referral(self, name):
        leads = {get_named_type(field.type).name for _, field in fields_of(name)}
        assert not [each for each in leads if "Referral" in each]


class TestRootFields:
    def test_of_orders_take_no_referral(self):
        for root in (GRAPH.query_type, GRAPH.mutation_type):
            for name, field in root.fields.items():
                if "lockOrder" not in name:
                    continue
                inputs = [get_named_type(argument.type) for argument in field.args.values()]
                words = [word for each in inputs for word, _ in fields_of(each.name)]
                assert not [word for word in [*field.args, *words] if "eferral" in word], name

    def test_that_list_referrals_sort_and_filter_by_no_measure_of_a_provider(self):
        assert set(GRAPH.type_map["ReferralSort"].values) == {"OFFERED_NEWEST", "CHANGED_OLDEST"}
        for name in ("ReferralFilter", "ReferralTransferFilter", "BlockRequestFilter"):
            assert not [field for field, _ in fields_of(name) if MEASURE.search(field)]

    def test_give_no_number_by_provider(self):
        measured = [
            f"{name}.{field}"
            for name in GRAPH.type_map
            for field, _ in fields_of(name)
            if re.search("provider.*(rate|rank|score)|cooperationScore|(response|action)Rate", field, re.IGNORECASE)
        ]
        assert measured == []
