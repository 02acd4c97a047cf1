"""What two subscriptions must have in common to share one execution, and where each of them resumes.

They share it when they send the same document, operation and variables and may see the same. Only the position they
resume from may differ: a variable that is used for the root field's `after` and nothing else is left out of the key,
and its value is kept for that subscriber only.
Source: docs/adr/0056.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    visit,
)

from gateway.operations.errors import DocumentInvalidError
from gateway.operations.literals import ABSENT, read_argument, read_condition
from gateway.operations.plans import with_defaults
from gateway.operations.progress import Parsed
from ledger.errors import CursorInvalidError
from ledger.viewer import Viewer

AFTER = "after"
NEUTRAL_CURSOR = "A" * 44
"""Takes the place of a cursor where the operation requires one; the root field never reads it."""

_MALFORMED = "The cursor must be a string."


@dataclass(frozen=True, slots=True)
class ChannelKey:
    """What the subscribers of one channel have in common. viewer is the neutral one: it names no client."""

    text: str
    operation_name: str | None
    variables: bytes
    viewer: Viewer | None
    scopes: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Following:
    """A subscription as its channel runs it: variables are the shared ones; after is the subscriber's own."""

    key: ChannelKey
    variables: Mapping[str, Any]
    after: str | None


def read_following(parsed: Parsed, *, viewer: Viewer | None) -> Following:
    """Return the key, the shared variables and the root field's `after` of a valid subscription.

    Errors: DocumentInvalidError where no field is left to follow; CursorInvalidError for a cursor that is not a string.
    """
    document, request, operation = parsed.document.node, parsed.request, parsed.operation
    given = with_defaults(operation, request.variables)
    roots = list(_list_roots(document, operation, given))
    if not roots:
        raise DocumentInvalidError("The subscription selects no field.")
    defined = {definition.variable.name.value: definition for definition in operation.variable_definitions or ()}
    variables = {name: value for name, value in request.variables.items() if name in defined}
    own = _find_own_variable(document, operation, roots)
    if own in defined:
        variables.pop(own, None)
        if isinstance(defined[own].type, NonNullTypeNode) and given.get(own) is not None:
            variables[own] = NEUTRAL_CURSOR
    after = read_argument(roots[0], AFTER, given)
    if after is not ABSENT and after is not None and not isinstance(after, str):
        raise CursorInvalidError(_MALFORMED, field=AFTER, hint="Pass a cursor of the feed, unchanged.")
    key = ChannelKey(
        text=parsed.document.text,
        operation_name=operation.name.value if operation.name else None,
        variables=orjson.dumps(variables, option=orjson.OPT_SORT_KEYS),
        viewer=viewer,
        scopes=parsed.scopes,
    )
    return Following(key, variables, after if isinstance(after, str) else None)


def choose_cursor(following: Following, extensions: Mapping[str, Any], *, last_event_id: str | None) -> str | None:
    """Choose where a subscriber resumes: the cursor nearest to the transport was set last, so it wins.

    Errors: CursorInvalidError for an extensions.cursor that is not a string.
    """
    if last_event_id:
        return last_event_id
    cursor = extensions.get("cursor")
    if cursor is None:
        return following.after
    if not isinstance(cursor, str):
        raise CursorInvalidError(_MALFORMED, field="extensions.cursor", hint="Pass a cursor of the feed, unchanged.")
    return cursor


def _list_roots(
    document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Iterator[FieldNode]:
    """Yield the root field's nodes; GraphQL's own rules have ensured that there is only one field."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    spread: set[str] = set()
    waiting: list[SelectionSetNode] = [operation.selection_set]
    while waiting:
        for selection in waiting.pop().selections:
            if not _is_included(selection, variables):
                continue
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                spread.add(selection.name.value)
                waiting.append(fragments[selection.name.value].selection_set)


def _is_included(selection: Any, variables: Mapping[str, Any]) -> bool:
    for directive in selection.directives or ():
        if directive.name.value == "skip" and read_condition(directive, variables) is True:
            return False
        if directive.name.value == "include" and read_condition(directive, variables) is False:
            return False
    return True


def _find_own_variable(
    document: DocumentNode, operation: OperationDefinitionNode, roots: list[FieldNode]
) -> str | None:
    """Find the variable that is used for the root field's `after` and for nothing else in the document."""
    values = [a.value for root in roots for a in root.arguments or () if a.name.value == AFTER]
    names = {value.name.value for value in values if isinstance(value, VariableNode)}
    if len(names) != 1:
        return None
    (name,) = names
    uses = _Uses(name)
    for definition in document.definitions:
        if definition is operation or isinstance(definition, FragmentDefinitionNode):
            visit(definition, uses)
    # It holds its own methods, a cycle for each subscription; docs/adr/0083.
    uses.enter_leave_map.clear()
    return name if uses.count == len(values) else None


class _Uses(Visitor):
    """Counts the uses of a variable, without its definition."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.count = 0

    def enter_variable_definition(self, *_: Any) -> Any:
        return self.SKIP

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        if node.name.value == self._name:
            self.count += 1
