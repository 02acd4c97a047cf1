"""Limits on a document's shape that need no schema: depth, aliases, directives and list lengths.

The checks follow fragments and must terminate on cyclic ones, since they run before the validation that refuses those.
"""

from collections import Counter
from collections.abc import Mapping

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    visit,
)

from gateway.operations.errors import OperationTooComplexError
from gateway.operations.settings import LimitSettings
from ledger.errors import TooManyItemsError


class _Census(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.aliases = 0
        self.directives = 0
        self.list_items = 0
        self.repeats = 0

    def enter_selection_set(self, node: SelectionSetNode, *_: object) -> None:
        keys = Counter(
            (selection.alias or selection.name).value
            for selection in node.selections
            if isinstance(selection, FieldNode)
        )
        self.repeats = max(self.repeats, *keys.values(), 0)

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.aliases += node.alias is not None

    def enter_directive(self, _node: DirectiveNode, *_: object) -> None:
        self.directives += 1

    def enter_list_value(self, node: ListValueNode, *_: object) -> None:
        self.list_items = max(self.list_items, len(node.values))


def check_document_bounds(document: DocumentNode, settings: LimitSettings) -> None:
    """Refuse a document that is wider or deeper than allowed.

    Errors: OperationTooComplexError, TooManyItemsError.
    """
    census = _Census()
    visit(document, census)
    if census.aliases > settings.document_aliases_max:
        raise _too_many("aliases", census.aliases, settings.document_aliases_max, "DOCUMENT_ALIASES_MAX")
    if census.directives > settings.document_directives_max:
        raise _too_many("directives", census.directives, settings.document_directives_max, "DOCUMENT_DIRECTIVES_MAX")
    if census.repeats > settings.document_repeats_max:
        # GraphQL's own rule that fields can be merged compares every pair of them.
        raise _too_many(
            "fields with the same name in one selection",
            census.repeats,
            settings.document_repeats_max,
            "DOCUMENT_REPEATS_MAX",
        )
    if census.list_items > settings.list_items_max:
        raise too_many_items(census.list_items, settings.list_items_max, "LIST_ITEMS_MAX")
    depth = measure_depth(document)
    if depth > settings.document_depth_max:
        raise _too_many("levels", depth, settings.document_depth_max, "DOCUMENT_DEPTH_MAX")


def measure_depth(document: DocumentNode) -> int:
    """Return the field depth of the deepest operation, following fragments; a fragment inside itself counts once."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    depths: dict[str, int] = {}
    return max(
        (
            _measure(definition.selection_set, fragments, depths)
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
        ),
        default=0,
    )


def _measure(
    selection_set: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], depths: dict[str, int]
) -> int:
    deepest = 0
    for selection in selection_set.selections:
        if isinstance(selection, FieldNode):
            beneath = selection.selection_set
            deepest = max(deepest, 1 + (_measure(beneath, fragments, depths) if beneath else 0))
        elif isinstance(selection, InlineFragmentNode):
            deepest = max(deepest, _measure(selection.selection_set, fragments, depths))
        elif isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name in fragments and name not in depths:
                # Marks the fragment as being measured, which breaks a cycle.
                depths[name] = 0
                depths[name] = _measure(fragments[name].selection_set, fragments, depths)
            deepest = max(deepest, depths.get(name, 0))
    return deepest


def too_many_items(found: int, allowed: int, setting: str) -> TooManyItemsError:
    """Return the refusal of a list, which names the setting that bounds it."""
    said = f"A list has {found} items; at most {allowed} are allowed (JEMBATAN_{setting})."
    return TooManyItemsError(said, hint="Send fewer in one call, and repeat the call for the rest.")


def _too_many(what: str, found: int, allowed: int, setting: str) -> OperationTooComplexError:
    return OperationTooComplexError(
        f"The document has {found} {what}; at most {allowed} are allowed (JEMBATAN_{setting})."
    )
