"""Refuses, before anything is read, text that PostgreSQL can't store.

For mutations with a result per item, the ledger checks texts instead, so that an invalid item does not fail the others.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.types import Info
from strawberry.utils.str_converters import to_camel_case

from ledger.errors import TextInvalidError


def check_storable(value: Any, *, field: str) -> None:
    """Errors: TextInvalidError for a NUL or a lone surrogate in any text within the value."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise TextInvalidError(field=field)
    elif isinstance(value, list | tuple):
        for item in value:
            check_storable(item, field=field)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for part in dataclasses.fields(value):
            check_storable(getattr(value, part.name), field=to_camel_case(part.name))


class CheckedTexts(FieldExtension):
    """A field extension that checks all arguments of a field."""

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info[Any, Any], **kwargs: Any
    ) -> Any:
        """Errors: TextInvalidError."""
        for name, value in kwargs.items():
            check_storable(value, field=to_camel_case(name))
        return await next_(source, info, **kwargs)


CHECKED = CheckedTexts()
