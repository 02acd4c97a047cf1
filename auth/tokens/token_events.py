"""Token events: one for each request of a client that proved something, with who asked, for what, and the outcome.

An event is written in the transaction that answers the request, so that no token is issued without one, and whoever
writes it can neither change nor delete it. Of requests that prove nothing, malformed ones among them, a bounded number
has one. An event must never contain a secret or a token. Token events are separate from the ledger's events (ADR 0043).
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert

from auth.clients.registered_clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from auth.scopes import parse_scope
from auth.tokens.table import token_events
from ledger.identifiers import new_id, parse_id
from ledger.storage.database import Transaction

RECORD_EVENT = insert(token_events)
"""Writes one event of describe_event. Built once: constructing the statement costs more than sending it."""
DONE = "ok"
OTHER_GRANT = "other"
_GRANTS = frozenset({AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN})
_OUTCOME_LENGTH_MAX = 64


def describe_event(
    *,
    as_of: datetime,
    endpoint: str,
    address: str,
    outcome: str,
    claimed_client_id: str | None = None,
    client_id: str | None = None,
    officer_id: str | None = None,
    grant_type: str | None = None,
    scope: str | None = None,
    token_id: str | None = None,
    family_id: str | None = None,
) -> dict[str, Any]:
    """Return the row for RECORD_EVENT; whatever the request made up is reduced to a possible id or a known word.

    Shapes: client_id is the client that authenticated, claimed_client_id the one that the request names. outcome is
    "ok" or the protocol's error code. scope holds the scopes granted.
    """
    claimed = parse_id(claimed_client_id) if claimed_client_id is not None else None
    return {
        "id": new_id(),
        "recorded_at": as_of,
        "endpoint": endpoint,
        "client_id": client_id or claimed,
        "is_authenticated": client_id is not None,
        "officer_id": officer_id,
        "grant_type": grant_type if grant_type is None or grant_type in _GRANTS else OTHER_GRANT,
        "scopes": sorted(parse_scope(scope or "")),
        "outcome": outcome[:_OUTCOME_LENGTH_MAX],
        "token_id": token_id,
        "family_id": family_id,
        "address": address,
    }


async def delete_old_token_events(tx: Transaction, *, kept_days: int) -> int:
    """Delete the events that are older than kept_days; returns how many. Runs under the JOBS role."""
    over = tx.as_of - timedelta(days=kept_days)
    return (await tx.execute(delete(token_events).where(token_events.c.recorded_at < over))).rowcount
