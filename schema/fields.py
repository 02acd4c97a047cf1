"""The decorators of fields that have a resolver: description, required scopes, and list size.

Strawberry's own decorator is untyped; these keep the resolver's signature, so that mypy checks what it returns.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import strawberry.federation as fed
from strawberry.extensions import FieldExtension

from schema.authority import Need

LOOKED_UP = {"jembatan.is_looked_up": True}
"""The metadata of an argument or an input's field by whose value numbers are found although its type isn't E164."""

RELATED = "jembatan.related"
"""The metadata of a field that leads to other records of the ledger: a Related (schema/reads.py)."""
LISTED = "jembatan.listed"
"""The metadata of a root field that reads records of the ledger and does nothing else: a Listed or a Named."""

TOLD = "jembatan.told"
"""Under this key a subscription's metadata has what makes its value of a message, where that reads nothing."""

F = TypeVar("F", bound=Callable[..., Any])


def field(
    description: str,
    *,
    needs: Need | None = None,
    authenticated: bool = False,
    name: str | None = None,
    deprecated: str | None = None,
    directives: Sequence[object] = (),
    extensions: Sequence[FieldExtension] = (),
    reads: object = None,
    related: object = None,
) -> Callable[[F], F]:
    """A field of the graph with a resolver.

    needs are its scopes; authenticated requires a token with any scopes; deprecated says what to use instead. reads
    says of a root field which records of the ledger it returns, where it does nothing else, and related of another
    field where it leads (schema/reads.py).
    """
    decorate: Any = fed.field
    made: Callable[[F], F] = decorate(
        description=description,
        name=name,
        deprecation_reason=deprecated,
        directives=directives,
        extensions=list(extensions),
        metadata={key: value for key, value in ((LISTED, reads), (RELATED, related)) if value is not None},
        **({"requires_scopes": needs} if needs else {}),
        **({"authenticated": True} if authenticated else {}),
    )
    return made


def subscription(
    description: str, *, needs: Need, tells: Callable[[Any], object] | None = None, name: str | None = None
) -> Callable[[F], F]:
    """A subscription's root field, with its scopes. tells makes its value of a message, and reads nothing for that."""
    decorate: Any = fed.field
    metadata = {} if tells is None else {TOLD: tells}
    made: Callable[[F], F] = decorate(
        description=description, name=name, is_subscription=True, requires_scopes=needs, metadata=metadata
    )
    return made
