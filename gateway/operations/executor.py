"""Runs an operation on Strawberry's executor, which checks every protected field a second time.

The authorize stage decides before execution and reports what it refused. This executor refuses to run any protected
field whose requirement the caller doesn't meet, whether or not that stage saw it, so a field that the analysis missed
is still protected. It never grants anything.
"""

import copy
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakMethod

from graphql import GraphQLError, GraphQLLeafType, GraphQLList, GraphQLObjectType, Undefined, is_non_null_type
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.execution.middleware import MiddlewareManager
from graphql.pyutils import Path, gather_with_cancel
from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry.extensions import SchemaExtension
from strawberry.federation import Schema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.operations.errors import ScopesMissingError, UnauthenticatedError
from gateway.operations.plain_fields import PlainField, is_awaitable, plain_fields_of
from gateway.operations.plans import ENTITIES
from gateway.operations.progress import Document
from gateway.operations.protection import Protection, Requirement, ScopeSet
from gateway.operations.reading_ahead import Ahead
from ledger.answers import AnswerSize, measure

PREPARED = "jembatan.prepared"
_FIELD_BYTES = len('"":,')

_Step = tuple[str, FieldDetailsList, int, PlainField | None]

ReportedKey = tuple[str, str | None, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the stages pass to the executor with an operation, among its extensions under PREPARED.

    Shapes: reported holds the refusals that the answer already lists, by type, field and response keys;
    refused_entities holds the entity types of which this caller may read nothing. spliced holds root fields that were
    read already, by response key. answer counts what the result comes
    to; once that is too much, the rest is left out, and whoever ran the operation must discard the result.
    """

    document: Document
    protection: Protection
    scopes: ScopeSet | None
    reported: frozenset[ReportedKey] = frozenset()
    refused_entities: frozenset[str] = frozenset()
    spliced: Mapping[str, Any] = field(default_factory=dict)
    answer: AnswerSize = field(default_factory=AnswerSize)


class PreparedDocument(SchemaExtension):
    """Supplies the parsed and validated document, so that Strawberry does neither again."""

    def on_parse(self) -> Iterator[None]:
        """Supply the document instead of parsing it."""
        context = self.execution_context
        context.graphql_document = (context.operation_extensions or {})[PREPARED].document.node
        # To Strawberry an empty list means that validation ran and found nothing.
        context.pre_execution_errors = []
        yield


class OutputError(Exception):
    """A resolver's value doesn't match its leaf type. Internal, since the text would quote the value."""


class ProtectedExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's executor with the second check."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Read what the stages prepared from the operation's extensions."""
        super().__init__(*args, **kwargs)
        self._prepared: Prepared = (self.operation_extensions or {})[PREPARED]
        self._answer = self._prepared.answer
        self.is_awaitable = is_awaitable
        self._plain = plain_fields_of(self.schema)
        # What a type or field requires and this caller lacks, by their names; None where nothing is lacking.
        self._lacking: dict[tuple[str, str | None], Requirement | None] = {}
        self._steps: dict[tuple[str, int], tuple[GroupedFieldSet, list[_Step]]] = {}
        # graphql-core's own are bound to this object, which holds them: a cycle for each operation; docs/adr/0083.
        self.async_helpers = GraphQLResolveInfoHelpers(
            gather=_hold_weakly(self.gather_async_work), track=_hold_weakly(self.track_async_work)
        )
        if self.middleware_manager is not None and not self.middleware_manager.middlewares:
            self.middleware_manager = None
        # Nothing reads a plain field in another way, unless an extension of the schema wants to see each field.
        self._reads_at_once = self.middleware_manager is None
        if self._prepared.refused_entities:
            self.middleware_manager = _EntityFilter(self._prepared.refused_entities, self.middleware_manager)

    @classmethod
    def build(cls, *args: Any, operation_extensions: Any = None, **kwargs: Any) -> Any:
        """Build the executor; errors in variables suggest names only to callers who may read them."""
        prepared: Prepared = (operation_extensions or {})[PREPARED]
        kwargs["hide_suggestions"] = not prepared.protection.may_introspect(prepared.scopes)
        return super().build(*args, operation_extensions=operation_extensions, **kwargs)

    def execute_fields(
        self, parent_type: Any, source_value: Any, path: Any, grouped_field_set: GroupedFieldSet, position_context: Any
    ) -> Any:
        """Run the fields of an object: those that are plain and open to the caller are read at once.

        What requires what the caller lacks, has a resolver or fails takes execute_field's way.
        """
        if path is None or not self._reads_at_once:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        answer = self._answer
        results: dict[str, Any] = {}
        awaited: list[str] = []
        try:
            for key, details, key_bytes, plain in self._list_steps(parent_type, grouped_field_set):
                if plain is not None and not answer.is_exceeded:
                    written = _write_plain(plain, source_value)
                    if written is not Undefined:
                        answer.built += key_bytes
                        if written is not None:
                            answer.built += measure(written)
                        results[key] = written
                        continue
                field_path = Path(path, key, parent_type.name)
                result = self.execute_field(parent_type, source_value, details, field_path, position_context)
                if result is not Undefined:
                    results[key] = result
                    if is_awaitable(result):
                        awaited.append(key)
        except Exception:
            if awaited:
                # As graphql-core: what was started is settled, since it may fail, too.
                self.settle_in_background([results[key] for key in awaited])
            raise
        return _await_fields(results, awaited) if awaited else results

    def execute_field(
        self, parent_type: Any, source: Any, field_details_list: Any, path: Any, position_context: Any
    ) -> Any:
        """Run a field, unless the caller lacks what it requires: then it is null, and the answer says why.

        Nothing runs any more once the answer is too large.
        """
        answer = self._answer
        answer.built += len(path.key) + _FIELD_BYTES
        if answer.is_exceeded:
            return None
        if path.prev is None and path.key in self._prepared.spliced:
            return self._prepared.spliced[path.key]
        name = field_details_list[0].node.name.value
        requirement = self._find_lacking(parent_type.name, name)
        if requirement is None or (field := self.schema.get_field(parent_type, name)) is None:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        return_type = field.type
        if not is_non_null_type(return_type) and _key(parent_type.name, name, path) in self._prepared.reported:
            return None
        refusal = make_refusal(requirement, self._prepared.scopes, f"{parent_type.name}.{name}")
        self.handle_field_error(refusal, return_type, field_details_list, path)
        return None

    def complete_list_value(
        self,
        return_type: GraphQLList[Any],
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a list; what its objects lead to is read first."""
        loaders = getattr(self.context_value, "loaders", None)
        complete = partial(
            super().complete_list_value, return_type, field_details_list, info, path, result, position_context
        )
        if loaders is None:
            return complete()
        ahead = Ahead(loaders, self._select, self._is_open)
        first = ahead.find(return_type, field_details_list, result)
        return complete() if first is None else _complete_later(ahead.read(first), complete)

    def complete_object_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        """Complete an object, unless its type, which an interface may have hidden, requires what the caller lacks."""
        requirement = self._find_lacking(return_type.name, None)
        if requirement is not None:
            raise make_refusal(requirement, self._prepared.scopes, return_type.name)
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)

    def complete_leaf_value(self, return_type: GraphQLLeafType, result: Any) -> Any:  # type: ignore[override]
        """Complete a leaf and count it. A value that doesn't match is an internal fault; its text is never sent."""
        try:
            value = StrawberryGraphQLCoreExecutionContext.complete_leaf_value(return_type, result)
        except GraphQLError as error:
            raise OutputError(error.message) from error
        self._answer.built += measure(value)
        return value

    def _list_steps(self, parent_type: GraphQLObjectType, fields: GroupedFieldSet) -> "list[_Step]":
        """Return how each field of a selection is run on a concrete type, worked out once for all of its objects."""
        # The fields are held together with the steps, so that their id isn't reused; so does graphql-core.
        key = parent_type.name, id(fields)
        held = self._steps.get(key)
        if held is None:
            held = self._steps[key] = fields, [self._plan(parent_type, key, each) for key, each in fields.items()]
        return held[1]

    def _plan(self, parent_type: GraphQLObjectType, key: str, details: FieldDetailsList) -> "_Step":
        name = details[0].node.name.value
        is_open = self._find_lacking(parent_type.name, name) is None
        plain = self._plain.find(parent_type, name) if is_open and not details[0].node.arguments else None
        return key, details, len(key) + _FIELD_BYTES, plain

    def _select(self, type_: GraphQLObjectType, details: FieldDetailsList) -> GroupedFieldSet:
        return self.collect_subfields(type_, details).grouped_field_set

    def _is_open(self, type_name: str, field_name: str) -> bool:
        return self._find_lacking(type_name, field_name) is None

    def _find_lacking(self, type_name: str, field_name: str | None) -> Requirement | None:
        """Return what a field, or a type itself, requires if the caller lacks it; each is judged once an operation."""
        key = type_name, field_name
        if key not in self._lacking:
            protection = self._prepared.protection
            found = (
                protection.find_type_requirement(type_name)
                if field_name is None
                else protection.find_requirement(type_name, field_name)
            )
            is_met = found is None or found.is_met_by(self._prepared.scopes)
            self._lacking[key] = None if is_met else found
        return self._lacking[key]


def _write_plain(plain: PlainField, source: Any) -> Any:
    """Return a plain field of an object as it is answered; Undefined if it must be run in the general way."""
    try:
        value = plain.read(source)
        if value is None:
            return Undefined if plain.is_required else None
        written = plain.writes[type(value)](value)
    except Exception:  # noqa: BLE001 - whatever it is, it is raised again where errors are made
        return Undefined
    return Undefined if written is None else written


async def _complete_later(reading: Awaitable[None], complete: Callable[[], Any]) -> Any:
    await reading
    completed = complete()
    return await completed if is_awaitable(completed) else completed


async def _await_fields(results: dict[str, Any], awaited: list[str]) -> dict[str, Any]:
    if len(awaited) == 1:
        (key,) = awaited
        results[key] = await results[key]
    else:
        done = await gather_with_cancel(*(results[key] for key in awaited))
        results.update(zip(awaited, done, strict=True))
    return results


def _hold_weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls a method without keeping its object alive."""
    reference = WeakMethod(method)

    def call(*arguments: Any, **named: Any) -> Any:
        held = reference()
        if held is None:
            raise RuntimeError("The operation is over.")
        return held(*arguments, **named)

    return call


class _EntityFilter(MiddlewareManager):
    """Hides representations of refused types from the resolver of `_entities`; their places in the answer are null."""

    def __init__(self, refused: frozenset[str], beneath: MiddlewareManager | None) -> None:
        super().__init__()
        self._refused = refused
        self._beneath = beneath

    def get_field_resolver(self, field_resolver: Callable[..., Any]) -> Callable[..., Any]:
        if self._beneath is not None:
            field_resolver = self._beneath.get_field_resolver(field_resolver)

        def resolve(source: Any, info: Any, **arguments: Any) -> Any:
            if info.field_name != ENTITIES or "representations" not in arguments:
                return field_resolver(source, info, **arguments)
            asked = arguments["representations"]
            kept = [item for item in asked if not self._is_refused(item)]
            answered = field_resolver(source, info, **(arguments | {"representations": kept}))
            return (
                self._restore_later(asked, answered)
                if inspect.isawaitable(answered)
                else self._restore(asked, answered)
            )

        return resolve

    def _is_refused(self, item: Any) -> bool:
        return isinstance(item, Mapping) and item.get("__typename") in self._refused

    async def _restore_later(self, asked: list[Any], answered: Awaitable[Any]) -> list[Any]:
        return self._restore(asked, await answered)

    def _restore(self, asked: list[Any], answered: Any) -> list[Any]:
        answers = iter(answered)
        return [None if self._is_refused(item) else next(answers) for item in asked]


def prepare_schema(schema: Schema) -> Schema:
    """Return a copy of a schema that runs prepared operations on ProtectedExecutor and logs nothing itself.

    The schema passed in stays unchanged, so that its other uses (printing, tests) are not affected.
    """
    prepared = copy.copy(schema)
    prepared.execution_context_class = ProtectedExecutor
    prepared.extensions = (*schema.extensions, PreparedDocument)
    # gateway/operations/failures.py logs once per cause; Strawberry would log every failed field.
    prepared.process_errors = lambda *_: None  # type: ignore[method-assign]
    return prepared


def make_refusal(
    requirement: Requirement, scopes: ScopeSet | None, coordinate: str
) -> ScopesMissingError | UnauthenticatedError:
    """Return the refusal of a field or type: it names the missing scopes, or says that a token is needed."""
    if scopes is None:
        return UnauthenticatedError(f"{coordinate} needs an access token.", extensions={"coordinate": coordinate})
    missing = requirement.list_missing(scopes)
    return ScopesMissingError(
        f"{coordinate} needs {' and '.join(missing)}.",
        extensions={"missingScopes": missing, "coordinate": coordinate},
    )


def find_reported_key(error: GraphQLError) -> tuple[str, tuple[str, ...]] | None:
    """Return the coordinate and response keys of a refusal made here, or None for any other error."""
    refusal = error.original_error
    if not isinstance(refusal, (ScopesMissingError, UnauthenticatedError)) or "coordinate" not in refusal.extensions:
        return None
    return refusal.extensions["coordinate"], tuple(key for key in error.path or () if isinstance(key, str))


def list_reported(denials: Sequence[GraphQLError]) -> frozenset[ReportedKey]:
    """Return the refusals made here that an answer lists, by type, field and response keys."""
    reported = set()
    for error in denials:
        key = find_reported_key(error)
        if key is not None:
            type_name, _, field_name = key[0].partition(".")
            reported.add((type_name, field_name or None, key[1]))
    return frozenset(reported)


def _key(type_name: str, field_name: str | None, path: Any) -> ReportedKey:
    return type_name, field_name, tuple(key for key in path.as_list() if isinstance(key, str))
