"""Streams that were opened with tokens, for tests of what ends them: parties, what they hold, what they were told."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from auth.tokens.open_tokens import OpenToken, OpenTokens
from auth.tokens.principal import Principal
from auth.tokens.revocations import revoke_token
from auth.tokens.verification import Refusal
from ledger.identifiers import OfficeId, OfficerId, new_id
from ledger.viewer import MemberKind
from tests.support.auth_world import START, World


@dataclass(frozen=True)
class Party:
    """A carrier with a client and an officer, and what their tokens say."""

    client_id: Any
    member_id: Any
    officer_id: OfficerId

    def machine(self, token_id: str, **changes: Any) -> Principal:
        principal = Principal(
            client_id=self.client_id,
            member_id=self.member_id,
            member_kind=MemberKind.CARRIER,
            scopes=frozenset({"orders:read"}),
            token_id=token_id,
            expires_at=START + timedelta(seconds=600),
        )
        return replace(principal, **changes)

    def officer(self, token_id: str, *, family_id: str | None = None) -> Principal:
        return self.machine(token_id, officer_id=self.officer_id, office_id=OfficeId(new_id()), family_id=family_id)


@dataclass
class Streams:
    """Open streams, each under a name, and what they were told."""

    world: World
    now: Callable[[], datetime]
    told: dict[str, Refusal] = field(default_factory=dict)
    told_at: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        world = self.world
        self.tokens = OpenTokens(world.database, world.settings, world.verifier.watch, now=self.now)

    def open(self, name: str, principal: Principal) -> OpenToken:
        return self.tokens.watch(principal, partial(self._note, name))

    def _note(self, name: str, reason: Refusal) -> None:
        assert name not in self.told
        self.told[name] = reason
        self.told_at[name] = self.now()

    async def later(self, seconds: float) -> dict[str, Refusal]:
        self.world.clock.advance(seconds)
        await self.tokens.check()
        return self.told


async def found_party(world: World, slug: str) -> Party:
    member_id = await world.admit(MemberKind.CARRIER, slug)
    client = await world.register(member_id, ["orders:read"])
    return Party(client.client_id, member_id, await world.appoint(member_id, f"ana-{slug}", ["orders:read"]))


async def revoke(world: World, token_id: str) -> None:
    now = world.clock()
    async with world.auth() as tx:
        await tx.connection.run_sync(revoke_token, token_id, expires_at=now + timedelta(seconds=600), as_of=now)
