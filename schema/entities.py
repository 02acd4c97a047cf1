"""The schema's class, which resolves entities concurrently, so that an invalid representation affects no other.

An entity is resolved exactly as by the root field of its type, through the same data loaders: five thousand
representations take a handful of statements. A representation that can't be resolved becomes null in its
place, with an error whose path identifies it.
Source: Apollo Federation 2.9, the subgraph specification, `_entities`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from strawberry.federation import Schema
from strawberry.federation.schema import FederationAny
from strawberry.federation.schema_directives import Key
from strawberry.types import Info

from ledger.errors import TooManyItemsError
from schema.errors import RepresentationInvalidError

REPRESENTATIONS_MAX = 10_000


class GraphSchema(Schema):
    """Strawberry's federation schema, in which each entity is resolved and fails independently."""

    async def entities_resolver(  # type: ignore[override]
        self, info: Info, representations: list[FederationAny]
    ) -> list[FederationAny]:
        """Each entity, or an error in its place. Errors: TooManyItemsError."""
        if len(representations) > REPRESENTATIONS_MAX:
            message = f"At most {REPRESENTATIONS_MAX} representations are accepted in one call."
            raise TooManyItemsError(message, field="representations")
        found: list[Any] = await asyncio.gather(
            *(self._resolve_entity(info, item) for item in representations), return_exceptions=True
        )
        for item in found:
            if isinstance(item, BaseException) and not isinstance(item, Exception):
                raise item
        return found

    async def _resolve_entity(self, info: Info, representation: object) -> Any:
        if not isinstance(representation, Mapping):
            raise RepresentationInvalidError(field="representations")
        entity, key = self._find_entity(representation.get("__typename"))
        value = representation.get(key)
        if not isinstance(value, str):
            raise RepresentationInvalidError(f"The key {key} is missing or is not a string.", field="representations")
        return await entity.resolve_reference(info, value)

    def _find_entity(self, type_name: object) -> tuple[Any, str]:
        """The class and the key field of an entity, by its type name. Errors: RepresentationInvalidError."""
        held = self.schema_converter.type_map.get(type_name) if isinstance(type_name, str) else None
        definition: Any = getattr(held, "definition", None)
        for directive in getattr(definition, "directives", None) or ():
            if isinstance(directive, Key) and hasattr(definition.origin, "resolve_reference"):
                return definition.origin, str(directive.fields)
        raise RepresentationInvalidError(field="representations")
