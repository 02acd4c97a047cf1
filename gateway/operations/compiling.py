"""Answers of a query what lies in the ledger by one statement for each root field, instead of resolving field by field.

Whatever can't be compiled is left to the ordinary way, and so is every error: a root field that is missing from the
result is resolved as if nothing had been tried. What a caller may not see is decided before, as for the ordinary way,
and a field whose refusal isn't reported is never compiled.
Source: docs/adr/0142.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import OperationType, is_non_null_type
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from gateway.operations.executor import ReportedKey, list_reported
from gateway.operations.plans import Plan
from gateway.operations.progress import Authorized
from gateway.operations.protection import Protection, ScopeSet
from ledger.access_records.recording import is_recorded
from ledger.accesses import Accesses
from ledger.answers import AnswerSize
from ledger.compiling.compiler import BYTES_MAX, FIRST, HAS_PREVIOUS, Compilation, Conditions, ViewerScope
from ledger.compiling.programs import Program
from ledger.compiling.rendering import UncompilableError
from ledger.compiling.selected import Selected
from ledger.errors import LedgerError
from ledger.viewer import Viewer
from schema.compiled import Asked, Compilable, Root

_PROGRAMS_MAX = 64
"""How many statements are kept with a plan: one for each root field, kind of viewer, set of scopes and filters."""


@dataclass(frozen=True, slots=True)
class Call:
    """One root field, ready to run: its statement, and the values of its parameters."""

    key: str
    program: Program
    values: Sequence[Any]
    is_continued: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """What of an operation is compiled.

    Shapes: data has the root fields that need no statement. is_whole: nothing remains for the ordinary way.
    """

    calls: tuple[Call, ...]
    data: Mapping[str, Any]
    is_whole: bool


class QueryCompiler:
    """Compiles queries of one schema. What it compiled is kept with the plan."""

    def __init__(self, graph: Any, protection: Protection, compilable: Compilable) -> None:
        """Bind to a schema."""
        self._graph, self._protection, self._compilable = graph, protection, compilable

    def prepare(self, authorized: Authorized, viewer: Viewer, *, bytes_max: float) -> Prepared | None:
        """Prepare what can be compiled of a query; None if nothing can be."""
        plan = authorized.plan
        if authorized.kind is not OperationType.QUERY or not plan.tree:
            return None
        if not any(selected.name in self._compilable.roots for selected in plan.tree):
            return None
        variables = self._read_variables(authorized)
        if variables is None:
            return None
        each = _Preparation(self._graph, self._protection, self._compilable, authorized, viewer, int(bytes_max))
        calls: list[Call] = []
        data: dict[str, Any] = {}
        left = 0
        for selected in plan.tree:
            if selected.name == "__typename":
                data[selected.key] = selected.parent
                continue
            try:
                call = each.prepare(selected, variables)
            except (UncompilableError, LedgerError):
                left += 1
                continue
            if call is None:
                data[selected.key] = None
            else:
                calls.append(call)
        return Prepared(tuple(calls), data, is_whole=not left) if calls else None

    def _read_variables(self, authorized: Authorized) -> VariableValues | None:
        definitions = authorized.operation.variable_definitions or ()
        if not definitions:
            return VariableValues({}, {})
        found = get_variable_values(self._graph, definitions, dict(authorized.request.variables))
        return found if isinstance(found, VariableValues) else None


class _Preparation:
    """The preparation of one operation's root fields."""

    def __init__(
        self,
        graph: Any,
        protection: Protection,
        compilable: Compilable,
        authorized: Authorized,
        viewer: Viewer,
        bytes_max: int,
    ) -> None:
        self._graph, self._protection, self._compilable = graph, protection, compilable
        self._plan: Plan = authorized.plan
        self._scopes: ScopeSet | None = authorized.scopes
        self._as_of, self._bytes_max = authorized.as_of, bytes_max
        self._reported: frozenset[ReportedKey] = list_reported(authorized.denials)
        self._viewer = viewer
        self._scope = ViewerScope.of(viewer)
        self._is_recorded = is_recorded(viewer)

    def prepare(self, selected: Selected, variables: VariableValues) -> Call | None:
        """One root field; None if it is refused and so null. Errors: UncompilableError, LedgerError."""
        root = self._compilable.roots.get(selected.name)
        field = self._graph.query_type.fields[selected.name]
        if self._refuses(selected):
            if is_non_null_type(field.type):
                raise UncompilableError
            return None
        if root is None:
            raise UncompilableError
        asked = root.ask(get_argument_values(field, selected.node, variables), self._scope)
        if asked is None:
            raise UncompilableError
        conditions = Conditions.of(asked.clauses)
        program = self._find(selected, root, asked, conditions)
        supplied = {
            "as_of": self._as_of,
            "viewer_member_id": self._viewer.member_id,
            "viewer_brand_id": self._viewer.brand_id,
            FIRST: asked.first,
            HAS_PREVIOUS: asked.is_continued,
            BYTES_MAX: self._bytes_max,
        }
        return Call(selected.key, program, program.bind(conditions.values, supplied), asked.is_continued)

    def _find(self, selected: Selected, root: Root, asked: Asked, conditions: Conditions) -> Program:
        """The statement, from those kept with the plan. Errors: UncompilableError, also if it was found before."""
        viewer = self._viewer
        key = (
            selected.key,
            self._scopes,
            viewer.kind,
            viewer.brand_id is None,
            self._is_recorded,
            asked.listing.name if asked.listing else None,
            len(asked.counted),
            conditions.shape,
        )
        programs = self._plan.programs
        if key not in programs:
            if len(programs) >= _PROGRAMS_MAX:
                programs.clear()
            programs[key] = self._compile(selected, root, asked, conditions)
        found: Program | None = programs[key]
        if found is None:
            raise UncompilableError
        return found

    def _compile(self, selected: Selected, root: Root, asked: Asked, conditions: Conditions) -> Program | None:
        making = Compilation(
            self._compilable.catalog, self._scope, self._refuses, conditions, asked.counted, self._is_recorded
        )
        try:
            if asked.listing is None:
                return making.compile_named(selected, root.node_type, root.reads.relation)  # type: ignore[union-attr]
            return making.compile_page(selected, root.type_name, root.node_type, asked.listing)
        except UncompilableError:
            return None

    def _refuses(self, selected: Selected) -> bool:
        """Whether a field is refused, as the answer reports. Errors: UncompilableError where it doesn't report it."""
        requirement = self._protection.find_requirement(selected.parent, selected.name)
        types = (self._protection.find_type_requirement(name) for name in selected.members)
        needed = [each for each in (requirement, *types) if each is not None and not each.is_met_by(self._scopes)]
        if not needed:
            return False
        if (selected.parent, selected.name, selected.path) in self._reported:
            return True
        raise UncompilableError


def read_rows(prepared: Prepared, rows: Sequence[Any], answer: AnswerSize, accesses: Accesses) -> dict[str, Any] | None:
    """The root fields from their rows, spliced; None if any of them needs the ordinary way.

    Errors: AnswerTooLargeError.
    """
    for row in rows:
        if row is not None:
            answer.built += row["size"]
    answer.check()
    if any(row is None or not row["t"] for row in rows):
        return None
    texts = [row["t"] for row in rows]
    if any(call.program.is_unsure(text) for call, text in zip(prepared.calls, texts, strict=True)):
        return None
    return {
        call.key: orjson.Fragment(call.program.read(text, accesses, is_continued=call.is_continued))
        for call, text in zip(prepared.calls, texts, strict=True)
    }
