"""Whether a token's bearer may still act: client, member and officer not disabled, token not revoked.

One statement, asked when a token is first seen and again every few seconds while it is used.
"""

from sqlalchemy import Select, and_, exists, select

from auth.principal import Principal
from auth.tables import clients, revoked_tokens
from ledger.storage.database import Transaction
from ledger.storage.tables.members import members, officers


async def is_in_good_standing(tx: Transaction, principal: Principal) -> bool:
    """Whether nothing was taken from the bearer since the token was issued. Runs under the AUTH role."""
    return bool((await tx.execute(standing_statement(principal))).scalar_one())


def standing_statement(principal: Principal) -> Select[tuple[bool]]:
    """The statement that tells it, in one row of one truth value."""
    client = (
        select(clients.c.id)
        .join(members, members.c.id == clients.c.member_id)
        .where(
            clients.c.id == principal.client_id,
            clients.c.member_id == principal.member_id,
            clients.c.disabled_at.is_(None),
            members.c.suspended_at.is_(None),
        )
    )
    ids = [known for known in (principal.token_id, principal.family_id) if known is not None]
    condition = and_(exists(client), ~exists().where(revoked_tokens.c.token_id.in_(ids)))
    if principal.officer_id is not None:
        officer = select(officers.c.id).where(
            officers.c.id == principal.officer_id,
            officers.c.member_id == principal.member_id,
            officers.c.disabled_at.is_(None),
        )
        condition = and_(condition, exists(officer))
    return select(condition)
