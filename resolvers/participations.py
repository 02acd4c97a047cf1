"""How fields about participations get their values, and which entries of the feed their subscription sends."""

from typing import TypeVar

from ledger.errors import UnknownError
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import parse_id
from ledger.relations import ToOne
from resolvers.context import Context
from resolvers.sources import Source

R = TypeVar("R")

PARTICIPATIONS = Source(kinds=frozenset(kind for kind in EventKind if kind.startswith(("PARTICIPATION_", "TERMS_"))))
"""Events of terms, of what both sides sign, and of participations. A provider gets its own, and every version."""


async def get_named(context: Context, relation: ToOne[R], given_id: str) -> R:
    """Return the record with this id, batched with others of the operation. Errors: UnknownError."""
    known = parse_id(given_id)
    found: R | None = await context.loaders.of(relation).load(known) if known else None
    if found is None:
        raise UnknownError(field="id")
    return found
