"""The record of token requests: who asked for what, and what came of it. Never a secret, never a token.

An event is written in the transaction that answers, so that no token leaves without one; whoever writes it can
neither change nor erase it. A request that is refused before it is understood leaves one too. It is kept beside
the ledger's events, not among them (ADR 0043).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select

from auth.clients.registered_clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from auth.scopes import parse_scope
from auth.tables import token_events
from ledger.identifiers import new_id, parse_id
from ledger.storage.database import Transaction

RECORD_EVENT = insert(token_events)
"""Writes one event, of describe_event. Built once: putting a statement together costs more than sending it."""
DONE = "ok"
OTHER_GRANT = "other"
_GRANTS = frozenset({AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN})
_PAGE_MAX = 1_000
_OUTCOME_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEvent:
    """One request to an endpoint for clients.

    Shapes: client_id is what the request claims, and is_authenticated says whether it was proved. outcome is "ok" or
    the protocol's error code. scopes are those granted.
    """

    id: str
    recorded_at: datetime
    endpoint: str
    client_id: str | None
    is_authenticated: bool
    officer_id: str | None
    grant_type: str | None
    scopes: Sequence[str]
    outcome: str
    token_id: str | None
    family_id: str | None
    address: str


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
    """The row for RECORD_EVENT; what the request made up is reduced to what can be an id or a known word."""
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


async def list_token_events(
    tx: Transaction, *, first: int = 100, before: str | None = None, client_id: str | None = None
) -> list[TokenEvent]:
    """Events, newest first; before is the id of the last one seen. Runs as the regulator, for audit:read.

    Shapes: 1..1000 events.
    """
    statement = select(token_events).order_by(token_events.c.id.desc()).limit(min(max(first, 1), _PAGE_MAX))
    if before is not None:
        statement = statement.where(token_events.c.id < parse_id(before))
    if client_id is not None:
        statement = statement.where(token_events.c.client_id == parse_id(client_id))
    return [_event_of(row) for row in await tx.execute(statement)]


async def delete_old_token_events(tx: Transaction, *, kept_days: int) -> int:
    """Delete what is older than is kept; returns how many. Runs under the JOBS role."""
    over = tx.as_of - timedelta(days=kept_days)
    return (await tx.execute(delete(token_events).where(token_events.c.recorded_at < over))).rowcount


def _event_of(row: Any) -> TokenEvent:
    return TokenEvent(
        id=row.id,
        recorded_at=row.recorded_at,
        endpoint=row.endpoint,
        client_id=row.client_id,
        is_authenticated=row.is_authenticated,
        officer_id=row.officer_id,
        grant_type=row.grant_type,
        scopes=tuple(row.scopes),
        outcome=row.outcome,
        token_id=row.token_id,
        family_id=row.family_id,
        address=row.address,
    )
