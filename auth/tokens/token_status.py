"""Whether a token is still active: its client, member and officer not disabled, the token itself not revoked.

A token with a scope that needs a second factor is active only while its officer has one.

One condition, checked for one token when it is first seen and every few seconds while it is used, and for many at once
while their streams are open. Signature and expiry are not checked here: see verification.py.

Source: RFC 7662 section 2.2 (`active`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
)

from auth.clients.table import clients
from auth.officers import has_second_factor
from auth.settings import AuthSettings
from auth.tokens.principal import Principal
from auth.tokens.table import revoked_tokens
from ledger.members.table import members, officers
from ledger.storage.database import Transaction

_BEARERS_MAX = 1_000
"""How many bearers one statement checks."""
_ID = Uuid(as_uuid=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bearer:
    """A bearer as SQL: values of one principal, or columns of many."""

    client_id: ColumnElement[Any]
    member_id: ColumnElement[Any]
    officer_id: ColumnElement[Any]
    token_id: ColumnElement[Any]
    family_id: ColumnElement[Any]
    needs_second_factor: ColumnElement[bool]


async def is_active(tx: Transaction, principal: Principal, *, settings: AuthSettings) -> bool:
    """Return whether the token of the principal is still active. Runs under the AUTH role."""
    return bool((await tx.execute(status_statement(principal, settings=settings))).scalar_one())


async def find_inactive(tx: Transaction, principals: Iterable[Principal], *, settings: AuthSettings) -> Sequence[str]:
    """Return the ids of the tokens that are no longer active. Runs under the AUTH role.

    One statement for each thousand.
    """
    inactive: list[str] = []
    rest = iter(principals)
    statement = _inactive_statement(settings)
    while batch := [_describe(principal, settings) for principal in islice(rest, _BEARERS_MAX)]:
        inactive.extend((await tx.execute(statement, {"bearers": json.dumps(batch)})).scalars())
    return inactive


def status_statement(principal: Principal, *, settings: AuthSettings) -> Select[tuple[bool]]:
    """Return the statement for one token; its result is one row with one Boolean."""
    bearer = _Bearer(
        client_id=literal(principal.client_id, _ID),
        member_id=literal(principal.member_id, _ID),
        officer_id=literal(principal.officer_id, _ID),
        token_id=literal(principal.token_id, Text),
        family_id=literal(principal.family_id, Text),
        needs_second_factor=literal(_needs_second_factor(principal, settings), Boolean),
    )
    return select(_is_active(bearer, settings))


def _needs_second_factor(principal: Principal, settings: AuthSettings) -> bool:
    return principal.officer_id is not None and settings.needs_second_factor(principal.scopes)


def _is_active(bearer: _Bearer, settings: AuthSettings) -> ColumnElement[bool]:
    """Return the condition, which is true or false and never null."""
    client = (
        select(clients.c.id)
        .join(members, members.c.id == clients.c.member_id)
        .where(
            clients.c.id == bearer.client_id,
            clients.c.member_id == bearer.member_id,
            clients.c.disabled_at.is_(None),
            members.c.suspended_at.is_(None),
        )
    )
    officer = select(officers.c.id).where(
        officers.c.id == bearer.officer_id,
        officers.c.member_id == bearer.member_id,
        officers.c.disabled_at.is_(None),
    )
    return and_(
        exists(client),
        or_(bearer.officer_id.is_(None), exists(officer)),
        # Granted before the settings asked for it, or before it was taken away.
        or_(not_(bearer.needs_second_factor), has_second_factor(bearer.officer_id, settings=settings)),
        # A list makes PostgreSQL use the index; for two equalities it would hash the whole table each time.
        ~exists().where(revoked_tokens.c.token_id.in_((bearer.token_id, bearer.family_id))),
    )


def _describe(principal: Principal, settings: AuthSettings) -> dict[str, str | bool | None]:
    return {
        "client_id": principal.client_id,
        "member_id": principal.member_id,
        "officer_id": principal.officer_id,
        "token_id": principal.token_id,
        "family_id": principal.family_id,
        "needs_second_factor": _needs_second_factor(principal, settings),
    }


def _inactive_statement(settings: AuthSettings) -> Select[tuple[str]]:
    """Return the statement that selects, from a JSON list of bearers, the ids of the tokens that are not active."""
    rows = (
        func.json_to_recordset(cast(bindparam("bearers", type_=Text), JSON))
        .table_valued(
            column("client_id", _ID),
            column("member_id", _ID),
            column("officer_id", _ID),
            column("token_id", Text),
            column("family_id", Text),
            column("needs_second_factor", Boolean),
        )
        .render_derived(name="bearers", with_types=True)
    )
    bearer = _Bearer(
        client_id=rows.c.client_id,
        member_id=rows.c.member_id,
        officer_id=rows.c.officer_id,
        token_id=rows.c.token_id,
        family_id=rows.c.family_id,
        needs_second_factor=rows.c.needs_second_factor,
    )
    return select(rows.c.token_id).where(not_(_is_active(bearer, settings)))
