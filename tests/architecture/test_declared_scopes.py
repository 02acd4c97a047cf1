"""The scopes that the published SDL declares are those that the gateway enforces, and every composer can write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.scopes import WORDS
from gateway.operations.protection import Protection, Requirement
from schema.graph import schema
from schema.rendering import PRESENT
from tests.support.declared_scopes import combine, count_alternatives, read_alternatives

SDL = PRESENT.read_text(encoding="utf-8")
DECLARED = read_alternatives(SDL)
PROTECTION = Protection(schema._schema)
ENFORCED = {f"{type_}.{field}": requirement for (type_, field), requirement in PROTECTION.fields.items()}
COMPOSED_MAX = 16
"""How many alternatives of one field Cosmo's composition takes."""


def alternatives_of(requirement: Requirement):
    return combine(requirement.groups)


class TestDeclaredScopes:
    def test_are_enforced_on_every_field_exactly_as_a_router_reads_them(self):
        declared = {coordinate: needed for coordinate, needed in DECLARED.items() if "." in coordinate}
        assert len(declared) > 500
        assert {coordinate: alternatives_of(needed) for coordinate, needed in ENFORCED.items()} == declared

    def test_are_enforced_on_every_type_exactly_as_a_router_reads_them(self):
        for coordinate, needed in DECLARED.items():
            if "." not in coordinate:
                assert alternatives_of(PROTECTION.find_type_requirement(coordinate)) == needed, coordinate

    @given(scopes=st.frozensets(st.sampled_from(sorted(WORDS))))
    def test_admit_a_token_exactly_where_the_gateway_does(self, scopes):
        admitted = {coordinate for coordinate, needed in DECLARED.items() if any(one <= scopes for one in needed)}
        enforced = {coordinate for coordinate, requirement in ENFORCED.items() if requirement.is_met_by(scopes)}
        assert {coordinate for coordinate in admitted if "." in coordinate} == enforced

    @pytest.mark.parametrize("field", ["contact", "officers"])
    def test_of_what_only_the_regulators_staff_may_read_of_members_are_still_asked(self, field):
        staff = ["members:manage", "complaints:decide", "orders:draft", "orders:approve", "audit:read"]
        assert DECLARED[f"Member.{field}"] == {frozenset({"members:read", scope}) for scope in staff}
        assert not ENFORCED[f"Member.{field}"].is_met_by(frozenset({"members:read"}))


class TestComposition:
    def test_has_no_more_alternatives_of_a_field_than_every_composer_takes(self):
        """Where this fails, leave out on the field what its type declares already."""
        counted = count_alternatives(SDL)
        assert {name: count for name, count in counted.items() if count > COMPOSED_MAX} == {}
        assert max(counted.values()) > 1
