"""Finds out whether a caller already holds the answer that the operation would have, without making it.

One round trip reads the version of what the answer depends on. It comes after all of the steps that decide whether the
caller may ask, and counts as one operation, whatever the operation's cost, since nothing of that is done.
Source: docs/adr/0126.
"""

from graphql import OperationType

from gateway.operations.compiled_reads import read_tag
from gateway.operations.entity_tags import is_held
from gateway.operations.places import hold_place
from gateway.operations.progress import Authorized, Unchanged, advance
from gateway.operations.services import Services


async def find_unchanged(authorized: Authorized, services: Services) -> Unchanged | None:
    """Return the operation as one that need not run, or None where it has to, or where the caller holds nothing.

    Errors: OverloadedError, OperationTimeoutError, UnavailableError.
    """
    if not authorized.if_none_match or authorized.kind is not OperationType.QUERY or authorized.transport.is_stream:
        return None
    async with (
        hold_place(services),
        services.make_context(authorized.principal, authorized.as_of, authorized.request_id) as context,
    ):
        tag = await read_tag(context, authorized, services)
    if tag is None or not is_held(tag, authorized.if_none_match, any_counts=False):
        return None
    return advance(authorized, Unchanged, tag=tag)
