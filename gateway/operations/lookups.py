"""Counts the numbers that a query looks up by their value, and refuses a client that looked up too many today.

They are counted before anything is read, in a transaction of their own, so that no count waits for a connection while
its operation holds another. A compiled operation sends both transactions together; what it read is dropped if it is
refused. A mutation isn't counted: what it writes says who wrote it, and it has bounds of its own.
Source: docs/adr/0081.
"""

import math
from typing import Any

from gateway.operations.errors import LookupsExhaustedError
from gateway.operations.named_numbers import list_named
from gateway.operations.progress import Authorized
from gateway.operations.services import Services
from ledger.numbers.lookups import CountedLookups, LookupCount, count_lookups, is_counted

LOOKUPS_LEFT = "X-Jembatan-Lookups-Left"
"""The header that says how many numbers the client may still look up today."""


def find_count(context: Any, authorized: Authorized, services: Services) -> LookupCount | None:
    """Return the counting of what an operation looks up; None where nothing of it counts."""
    principal = authorized.principal
    if principal is None or not is_counted(principal.viewer):
        return None
    named = list_named(authorized, services.graph)
    if not named:
        return None
    return LookupCount.of(
        principal.viewer,
        context.database.policies,
        principal.client_id,
        e164s={each.value for each in named if each.is_number},
        hashes={each.value for each in named if not each.is_number},
        as_of=authorized.as_of,
    )


async def count_operation(
    context: Any, count: LookupCount | None, authorized: Authorized, services: Services
) -> CountedLookups | None:
    """Count what an operation looks up, if that counts. Errors: LookupsExhaustedError, LedgerError."""
    if count is None:
        return None
    return judge_count(await context.write(count_lookups, count), authorized, services)


def judge_count(counted: CountedLookups, authorized: Authorized, services: Services) -> CountedLookups:
    """Return the verdict on an operation's look-ups. Errors: LookupsExhaustedError."""
    outcome = "granted" if counted.is_granted else "refused"
    if authorized.principal is not None:
        kind = authorized.principal.member_kind.value
        services.metrics.lookups.labels(kind, outcome).inc(counted.asked)
    if not counted.is_granted:
        raise _refuse(counted, authorized)
    return counted


def _refuse(counted: CountedLookups, authorized: Authorized) -> LookupsExhaustedError:
    today = counted.today
    seconds = max(1, math.ceil((today.resets_at - authorized.as_of).total_seconds()))
    return LookupsExhaustedError(
        f"The operation looks up {counted.asked} numbers; {today.left} of {today.limit} are left today.",
        headers={"Retry-After": str(seconds), LOOKUPS_LEFT: str(today.left)},
        extensions={
            "asked": counted.asked,
            "limit": today.limit,
            "used": today.used,
            "retryAfterSeconds": seconds,
        },
    )
