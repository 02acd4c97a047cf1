"""What may stand in a statement: no column that the viewer's role may not select, no value, and no refused field."""

import re
from typing import Any

import pytest
from sqlalchemy import true

from ledger.compiling.catalog import Branch, Leaf, Pages, Shape
from ledger.compiling.compiler import Compilation, Conditions, ViewerScope
from ledger.compiling.rendering import UncompilableError
from ledger.compiling.selected import Selected
from ledger.identifiers import BrandId, ClientId, MemberId, new_id
from ledger.relations import ToOne
from ledger.storage.records import declaration_of
from ledger.storage.roles import ROLE_OF_VIEWER, may_read
from ledger.viewer import Viewer, ViewerKind
from schema.compiled import find_compilable
from schema.graph import schema

CATALOG = find_compilable(schema).catalog
KINDS = sorted(ROLE_OF_VIEWER)


def viewer_of(kind: ViewerKind, *, brand: BrandId | None = None) -> Viewer:
    return Viewer(kind=kind, member_id=MemberId(new_id()), client_id=ClientId("c"), brand_id=brand)


def select(type_name: str, name: str, depth: int) -> Selected | None:
    """One field, with all that can be selected of what it leads to; None where that would go too deep."""
    shown = CATALOG[type_name].fields[name]
    members: dict[str, tuple[Selected, ...]] = {}
    if isinstance(shown, Branch):
        if depth == 0 or shown.type_name not in CATALOG:
            return None
        members = {shown.type_name: select_all(shown.type_name, depth - 1)}
    elif isinstance(shown, Pages):
        if depth == 0:
            return None
        node = Selected(
            "nodes", "nodes", shown.type_name, (name, "nodes"), {shown.node_type: select_all(shown.node_type, 0)}
        )
        return Selected(name, name, type_name, (name,), {shown.type_name: (node,)}, first=3)
    elif not isinstance(shown, Leaf):
        inner = (Selected(each, each, shown.type_name, (name, each), {}) for each in shown.fields)
        members = {shown.type_name: tuple(inner)}
    return Selected(name, name, type_name, (name,), members)


def select_all(type_name: str, depth: int = 1) -> tuple[Selected, ...]:
    found = (select(type_name, name, depth) for name in CATALOG[type_name].fields)
    return tuple(each for each in found if each is not None)


def compile_fields(type_name: str, viewer: Viewer, fields: tuple[Selected, ...], refuses: Any = None) -> str:
    scope, conditions = ViewerScope.of(viewer), Conditions.of([true()])
    making = Compilation(CATALOG, scope, refuses or (lambda _: False), conditions, (), is_recorded=False)
    root = Selected("root", "root", "Query", ("root",), {type_name: fields})
    return making.compile_named(root, type_name, ToOne(CATALOG[type_name].record)).sql


def hidden_columns(shape: Shape, kind: ViewerKind) -> set[str]:
    members = declaration_of(shape.record).members.values()
    role = ROLE_OF_VIEWER[kind]
    return {each.name for each in members if each.column is not None and not may_read(each.readers, role)}


class TestStatement:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("type_name", sorted(CATALOG))
    def test_names_no_column_that_the_role_may_not_select(self, type_name: str, kind: ViewerKind) -> None:
        seen = 0
        for selected in select_all(type_name):
            try:
                sql = compile_fields(type_name, viewer_of(kind), (selected,))
            except UncompilableError:
                continue
            seen += 1
            table = declaration_of(CATALOG[type_name].record).table.name
            named = set(re.findall(rf"\b{table}\.(\w+)", sql))
            assert named & hidden_columns(CATALOG[type_name], kind) == set(), selected.name
        assert seen

    @pytest.mark.parametrize("type_name", sorted(CATALOG))
    def test_has_the_viewers_ids_as_parameters_alone(self, type_name: str) -> None:
        viewer = viewer_of(ViewerKind.CARRIER, brand=BrandId(new_id()))
        for selected in select_all(type_name):
            try:
                sql = compile_fields(type_name, viewer, (selected,))
            except UncompilableError:
                continue
            assert str(viewer.member_id) not in sql
            assert str(viewer.brand_id) not in sql

    def test_reads_nothing_for_a_refused_field(self) -> None:
        field = select("BlockOrder", "endNote", 0)
        assert field is not None
        officer = viewer_of(ViewerKind.REGULATOR)
        sql = compile_fields("BlockOrder", officer, (field,), lambda each: each.name == "endNote")
        assert "end_note" not in sql
        assert '"endNote":null' in sql

    def test_is_not_made_for_a_refusal_that_is_not_reported(self) -> None:
        def refuse(_: Selected) -> bool:
            raise UncompilableError

        field = select("BlockOrder", "endNote", 0)
        assert field is not None
        with pytest.raises(UncompilableError):
            compile_fields("BlockOrder", viewer_of(ViewerKind.REGULATOR), (field,), refuse)

    def test_is_not_made_for_a_field_that_is_no_record_of_the_ledger(self) -> None:
        live = Selected("chronology", "chronology", "Complaint", ("chronology",), {})
        with pytest.raises(UncompilableError):
            compile_fields("Complaint", viewer_of(ViewerKind.REGULATOR), (live,))
