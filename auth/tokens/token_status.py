"""Whether a token's bearer may still act: client, member and officer not disabled, token not revoked.

One condition, asked of one bearer when its token is first seen and again every few seconds while it is used, and of
many at once while their streams are open.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
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

from auth.tables import clients, revoked_tokens
from auth.tokens.principal import Principal
from ledger.members.table import members, officers
from ledger.storage.database import Transaction

_BEARERS_MAX = 1_000
"""How many bearers one statement asks about."""
_ID = Uuid(as_uuid=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bearer:
    """A bearer as SQL: values of one principal, or columns of many."""

    client_id: ColumnElement[Any]
    member_id: ColumnElement[Any]
    officer_id: ColumnElement[Any]
    token_id: ColumnElement[Any]
    family_id: ColumnElement[Any]


async def is_in_good_standing(tx: Transaction, principal: Principal) -> bool:
    """Whether nothing was taken from the bearer since the token was issued. Runs under the AUTH role."""
    return bool((await tx.execute(standing_statement(principal))).scalar_one())


async def find_fallen(tx: Transaction, principals: Iterable[Principal]) -> Sequence[str]:
    """The token ids of those that are not in good standing any more. Runs under the AUTH role.

    One statement for each thousand.
    """
    fallen: list[str] = []
    rest = iter(principals)
    while batch := [_describe(principal) for principal in islice(rest, _BEARERS_MAX)]:
        fallen.extend((await tx.execute(_FALLEN, {"bearers": json.dumps(batch)})).scalars())
    return fallen


def standing_statement(principal: Principal) -> Select[tuple[bool]]:
    """The statement that tells it, in one row of one truth value."""
    bearer = _Bearer(
        client_id=literal(principal.client_id, _ID),
        member_id=literal(principal.member_id, _ID),
        officer_id=literal(principal.officer_id, _ID),
        token_id=literal(principal.token_id, Text),
        family_id=literal(principal.family_id, Text),
    )
    return select(_stands(bearer))


def _stands(bearer: _Bearer) -> ColumnElement[bool]:
    """The condition, which is true or false and never null."""
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
        # As a list, for which PostgreSQL asks the index; for an equality it would hash the whole table each time.
        ~exists().where(revoked_tokens.c.token_id.in_((bearer.token_id, bearer.family_id))),
    )


def _describe(principal: Principal) -> dict[str, str | None]:
    return {
        "client_id": principal.client_id,
        "member_id": principal.member_id,
        "officer_id": principal.officer_id,
        "token_id": principal.token_id,
        "family_id": principal.family_id,
    }


def _fallen_statement() -> Select[tuple[str]]:
    """The token ids, out of a JSON list of bearers, of those that the condition is not true of."""
    rows = (
        func.json_to_recordset(cast(bindparam("bearers", type_=Text), JSON))
        .table_valued(
            column("client_id", _ID),
            column("member_id", _ID),
            column("officer_id", _ID),
            column("token_id", Text),
            column("family_id", Text),
        )
        .render_derived(name="bearers", with_types=True)
    )
    bearer = _Bearer(
        client_id=rows.c.client_id,
        member_id=rows.c.member_id,
        officer_id=rows.c.officer_id,
        token_id=rows.c.token_id,
        family_id=rows.c.family_id,
    )
    return select(rows.c.token_id).where(not_(_stands(bearer)))


_FALLEN = _fallen_statement()
