"""Runs an operation on Strawberry's executor, which checks every protected field a second time.

The authorize stage decides before execution and reports what it refused. This executor refuses to run any protected
field whose requirement the caller doesn't meet, whether or not that stage saw it, so a field that the analysis missed
is still protected. It never grants anything.
"""

import copy
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakMethod

from graphql import GraphQLError, GraphQLLeafType, is_non_null_type
from graphql.execution.middleware import MiddlewareManager
from graphql.type.definition import GraphQLResolveInfoHelpers
from strawberry.extensions import SchemaExtension
from strawberry.federation import Schema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.operations.errors import ScopesMissingError, UnauthenticatedError
from gateway.operations.plans import ENTITIES
from gateway.operations.progress import Document
from gateway.operations.protection import Protection, Requirement, ScopeSet
from ledger.answers import AnswerSize, measure

PREPARED = "jembatan.prepared"
_FIELD_BYTES = len('"":,')

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
        self._met: dict[Requirement, bool] = {}
        self._answer = self._prepared.answer
        # graphql-core's own are bound to this object, which holds them: a cycle for each operation; docs/adr/0083.
        self.async_helpers = GraphQLResolveInfoHelpers(
            gather=_hold_weakly(self.gather_async_work), track=_hold_weakly(self.track_async_work)
        )
        if self._prepared.refused_entities:
            self.middleware_manager = _EntityFilter(self._prepared.refused_entities, self.middleware_manager)

    @classmethod
    def build(cls, *args: Any, operation_extensions: Any = None, **kwargs: Any) -> Any:
        """Build the executor; errors in variables suggest names only to callers who may read them."""
        prepared: Prepared = (operation_extensions or {})[PREPARED]
        kwargs["hide_suggestions"] = not prepared.protection.may_introspect(prepared.scopes)
        return super().build(*args, operation_extensions=operation_extensions, **kwargs)

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
        requirement = self._prepared.protection.find_requirement(parent_type.name, name)
        field = self.schema.get_field(parent_type, name)
        if field is None or requirement is None or self._meets(requirement):
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        return_type = field.type
        if not is_non_null_type(return_type) and _key(parent_type.name, name, path) in self._prepared.reported:
            return None
        refusal = make_refusal(requirement, self._prepared.scopes, f"{parent_type.name}.{name}")
        self.handle_field_error(refusal, return_type, field_details_list, path)
        return None

    def complete_object_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        """Complete an object, unless its type, which an interface may have hidden, requires what the caller lacks."""
        requirement = self._prepared.protection.find_type_requirement(return_type.name)
        if requirement is not None and not self._meets(requirement):
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

    def _meets(self, requirement: Requirement) -> bool:
        met = self._met.get(requirement)
        if met is None:
            met = self._met[requirement] = requirement.is_met_by(self._prepared.scopes)
        return met


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
