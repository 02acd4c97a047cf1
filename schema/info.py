"""What a field's resolver is handed beside its arguments: the operation's context, by its own type."""

from typing import TypeAlias

from strawberry.types import Info as StrawberryInfo

from resolvers.context import Context

Info: TypeAlias = StrawberryInfo[Context, None]
