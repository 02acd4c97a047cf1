"""Answers of a query what lies in the ledger by one statement for each root field, instead of resolving field by field.

Whatever can't be compiled is left to the ordinary way, and so is every error: a root field that is missing from the
result is resolved as if nothing had been tried. What a caller may not see is decided before, as for the ordinary way,
and a field whose refusal isn't reported is never compiled.
Source: docs/adr/0142.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from graphql import GraphQLError, is_non_null_type
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from gateway.operations.entity_tags import Tagging
from gateway.operations.executor import ReportedKey, list_reported
from gateway.operations.named_numbers import list_named
from gateway.operations.plans import Plan
from gateway.operations.progress import Authorized
from gateway.operations.protection import Protection, ScopeSet
from ledger.access_records.recording import is_recorded
from ledger.bounds.recent import Recent
from ledger.compiling.compiler import (
    BYTES_MAX,
    COUNTED_FIELDS,
    FIRST,
    HAS_PREVIOUS,
    Compilation,
    Conditions,
    ViewerScope,
)
from ledger.compiling.programs import Program
from ledger.compiling.rendering import UncompilableError
from ledger.compiling.selected import Selected
from ledger.errors import LedgerError
from ledger.numbers.lookups import is_counted
from ledger.storage.roles import ROLE_OF_VIEWER
from ledger.viewer import Viewer
from schema.compiled import Asked, Compilable, Root
from schema.reads import Named

_KEPT_SQL_MAX = 32_768
"""The longest statement that is kept; a longer one is compiled each time that it is asked for."""

_KEPT_VARIABLES_MAX = 2_048
"""The longest variables, as JSON, for which a prepared operation is kept."""


@dataclass(frozen=True, slots=True)
class Call:
    """One root field: its statement, and the values of its parameters as far as the variables determine them."""

    key: str
    program: Program
    values: Sequence[Any]
    first: int
    is_continued: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """What of an operation is compiled.

    Shapes: data has the root fields that need no statement. is_whole: nothing remains for the ordinary way. tagging is
    how the answers get their tags, if they can have any.
    """

    calls: tuple[Call, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    is_whole: bool = False
    tagging: Tagging | None = None

    def bind(self, viewer: Viewer, as_of: datetime, *, bytes_max: int) -> list[tuple[str, list[Any]]]:
        """The statements with all of their values, for this viewer at this time; with tagging, the first tells it."""
        supplied = {
            "as_of": as_of,
            "viewer_member_id": viewer.member_id,
            "viewer_brand_id": viewer.brand_id,
            BYTES_MAX: bytes_max,
        }
        bound = [
            (
                call.program.sql,
                call.program.bind(call.values, {**supplied, FIRST: call.first, HAS_PREVIOUS: call.is_continued}),
            )
            for call in self.calls
        ]
        if self.tagging is not None:
            bound[0] = (self.tagging.first, bound[0][1])
        return bound


NOTHING = Prepared()


class QueryCompiler:
    """Compiles queries of one schema, and keeps what it compiled. Owned by one event loop.

    What is compiled serves every viewer of one kind with the same scopes, and every request whose filters have the same
    fields. What is prepared serves every request with the same variables, too.
    """

    def __init__(
        self, graph: Any, protection: Protection, compilable: Compilable, *, entries_max: int, tags: bool
    ) -> None:
        """Bind to a schema, keeping at most so many statements and as many prepared operations.

        tags: answers get tags.
        """
        self._tags = tags
        self.graph, self.protection, self.compilable = graph, protection, compilable
        self.programs: Recent[tuple[Any, ...], Program | Uncompiled] = Recent(entries_max)
        self._prepared: Recent[tuple[Any, ...], Prepared] = Recent(entries_max)

    def prepare(self, authorized: Authorized, viewer: Viewer) -> Prepared:
        """Prepare what can be compiled of a query: NOTHING if nothing can be."""
        plan, variables = authorized.plan, authorized.request.variables
        if not any(selected.name in self.compilable.roots for selected in plan.tree):
            return NOTHING
        try:
            given = orjson.dumps(variables) if variables else b""
        except orjson.JSONEncodeError:
            return NOTHING
        key = (plan.number, authorized.scopes, viewer.kind, viewer.brand_id is None, is_recorded(viewer), given)
        prepared = self._prepared.find(key)
        if prepared is None:
            prepared = self._prepare(authorized, viewer)
            if len(given) <= _KEPT_VARIABLES_MAX:
                self._prepared.keep(key, prepared)
        return prepared

    def _prepare(self, authorized: Authorized, viewer: Viewer) -> Prepared:
        variables = self._read_variables(authorized)
        if variables is None:
            return NOTHING
        each = _Preparation(self, authorized, viewer)
        calls: list[Call] = []
        data: dict[str, Any] = {}
        is_whole = True
        for selected in authorized.plan.tree:
            if selected.name == "__typename":
                data[selected.key] = selected.parent
                continue
            try:
                call = each.prepare(selected, variables)
            except (UncompilableError, LedgerError, GraphQLError):
                is_whole = False
                continue
            if call is None:
                data[selected.key] = None
            else:
                calls.append(call)
        if not calls:
            return NOTHING
        found = Prepared(tuple(calls), data, is_whole=is_whole)
        return replace(found, tagging=self._find_tagging(found, authorized, viewer))

    def _find_tagging(self, prepared: Prepared, authorized: Authorized, viewer: Viewer) -> Tagging | None:
        """How to tag the answers: None if any may have an error or something that isn't compiled, or counts anew."""
        if not (self._tags and prepared.is_whole) or authorized.denials:
            return None
        if is_counted(viewer) and list_named(authorized, self.graph):
            return None
        asked = [(call.key, call.program, (*call.values, call.first, call.is_continued)) for call in prepared.calls]
        keys = [selected.key for selected in authorized.plan.tree]
        return Tagging.of(asked, {"keys": keys, "data": prepared.data}, ROLE_OF_VIEWER[viewer.kind])

    def _read_variables(self, authorized: Authorized) -> VariableValues | None:
        definitions = authorized.operation.variable_definitions or ()
        if not definitions:
            return VariableValues({}, {})
        found = get_variable_values(self.graph, definitions, dict(authorized.request.variables))
        return found if isinstance(found, VariableValues) else None


class Uncompiled:
    """Stands for a statement that can't be made, so that it isn't tried again."""


_UNCOMPILED = Uncompiled()


class _Preparation:
    """The preparation of one operation's root fields."""

    def __init__(self, compiler: QueryCompiler, authorized: Authorized, viewer: Viewer) -> None:
        self._compiler = compiler
        self._plan: Plan = authorized.plan
        self._scopes: ScopeSet | None = authorized.scopes
        self._reported: frozenset[ReportedKey] = list_reported(authorized.denials)
        self._scope = ViewerScope.of(viewer)
        self._is_recorded = is_recorded(viewer)
        self._viewer_shape = (viewer.kind, viewer.brand_id is None, self._is_recorded)

    def prepare(self, selected: Selected, variables: VariableValues) -> Call | None:
        """One root field; None if it is refused and so null. Errors: UncompilableError, LedgerError."""
        root = self._compiler.compilable.roots.get(selected.name)
        field_ = self._compiler.graph.query_type.fields[selected.name]
        if self._refuses(selected):
            if is_non_null_type(field_.type):
                raise UncompilableError
            return None
        if root is None:
            raise UncompilableError
        is_counted = any(each.name in COUNTED_FIELDS for each in selected.members.get(root.type_name, ()))
        asked = root.ask(get_argument_values(field_, selected.node, variables), self._scope, is_counted=is_counted)
        if asked is None:
            raise UncompilableError
        conditions = Conditions.of(asked.clauses, asked.counting)
        program = self._find(selected, root, asked, conditions)
        return Call(selected.key, program, conditions.values, asked.first, asked.is_continued)

    def _find(self, selected: Selected, root: Root, asked: Asked, conditions: Conditions) -> Program:
        """The statement, from those that are kept. Errors: UncompilableError, also if it was found before."""
        listing = asked.listing.name if asked.listing else None
        shape = (listing, len(asked.clauses), conditions.shape)
        key = (self._plan.number, selected.key, self._scopes, self._viewer_shape, shape)
        programs = self._compiler.programs
        found = programs.find(key)
        if found is None:
            found = self._compile(selected, root, asked, conditions)
            if isinstance(found, Uncompiled) or len(found.sql) <= _KEPT_SQL_MAX:
                programs.keep(key, found)
        if isinstance(found, Uncompiled):
            raise UncompilableError
        return found

    def _compile(self, selected: Selected, root: Root, asked: Asked, conditions: Conditions) -> Program | Uncompiled:
        making = Compilation(
            self._compiler.compilable.catalog,
            self._scope,
            self._refuses,
            conditions,
            asked.counting,
            self._is_recorded,
        )
        try:
            if isinstance(root.reads, Named):
                return making.compile_named(selected, root.node_type, root.reads.relation)
            if asked.listing is None:
                return _UNCOMPILED
            return making.compile_page(selected, root.type_name, root.node_type, asked.listing)
        except UncompilableError:
            return _UNCOMPILED

    def _refuses(self, selected: Selected) -> bool:
        """Whether a field is refused, as the answer reports. Errors: UncompilableError where it doesn't report it."""
        requirement = self._compiler.protection.find_requirement(selected.parent, selected.name)
        types = (self._compiler.protection.find_type_requirement(name) for name in selected.members)
        needed = [each for each in (requirement, *types) if each is not None and not each.is_met_by(self._scopes)]
        if not needed:
            return False
        if (selected.parent, selected.name, selected.path) in self._reported:
            return True
        raise UncompilableError
