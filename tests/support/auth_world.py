"""A small world for auth's tests: a regulator with officers, a carrier, and a clock that tests move."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey
from sqlalchemy import insert, update

from auth.clients.registration import ClientDraft, CreatedClient, create_client
from auth.login.logins import create_login
from auth.login.passwords import Passwords
from auth.scopes import BY_KIND, OFFICER_ONLY
from auth.settings import AuthSettings
from auth.tokens.signing_keys import SigningKeyStore
from auth.tokens.verification import TokenVerifier
from ledger.identifiers import MemberId, OfficerId, new_id
from ledger.members.table import brands, members, officers, offices
from ledger.storage.database import Database
from ledger.storage.roles import Role
from ledger.viewer import MemberKind

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
ISSUER = "https://gateway.example.org"
AUDIENCE = "https://gateway.example.org/graphql"
PASSWORD = "correct horse battery"
CALLBACK = "https://console.example.org/callback"
CHEAP = {"password_hash_rounds": 1, "password_hash_memory_kib": 8, "password_hash_threads": 1}


@dataclass
class Clock:
    """Time as the test says it."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class World:
    database: Database
    settings: AuthSettings
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.keys = SigningKeyStore(self.database, self.settings)
        self.passwords = Passwords(self.settings)
        self.verifier = TokenVerifier(self.database, self.keys, self.settings)

    def auth(self) -> Any:
        return self.database.system(Role.AUTH, as_of=self.clock())

    async def admit(self, kind: MemberKind, slug: str) -> MemberId:
        member_id = MemberId(new_id())
        row = {"id": member_id, "slug": slug, "kind": kind.value, "legal_name": slug, "admitted_at": START}
        async with self.database.system(Role.TRANSITION, as_of=START) as tx:
            await tx.execute(insert(members).values(row))
        return member_id

    async def add_brand(self, member_id: MemberId, slug: str) -> str:
        brand_id = new_id()
        async with self.database.system(Role.TRANSITION, as_of=START) as tx:
            await tx.execute(insert(brands).values(id=brand_id, member_id=member_id, slug=slug, name=slug))
        return brand_id

    async def appoint(self, member_id: MemberId, login: str, scopes: list[str]) -> OfficerId:
        office_id, officer_id = new_id(), OfficerId(new_id())
        async with self.database.system(Role.TRANSITION, as_of=START) as tx:
            await tx.execute(insert(offices).values(id=office_id, member_id=member_id, slug=f"o-{login}", name=login))
            await tx.execute(
                insert(officers).values(
                    id=officer_id,
                    member_id=member_id,
                    office_id=office_id,
                    display_name=login,
                    scopes=scopes,
                    created_at=START,
                )
            )
        async with self.auth() as tx:
            await create_login(tx, self.passwords, officer_id=officer_id, login=login, password=PASSWORD)
        return officer_id

    async def disable_officer(self, officer_id: str) -> None:
        async with self.database.system(Role.TRANSITION, as_of=self.clock()) as tx:
            await tx.execute(update(officers).where(officers.c.id == officer_id).values(disabled_at=self.clock()))

    async def suspend(self, member_id: str) -> None:
        async with self.database.system(Role.TRANSITION, as_of=self.clock()) as tx:
            await tx.execute(update(members).where(members.c.id == member_id).values(suspended_at=self.clock()))

    async def register(self, member_id: MemberId, scopes: list[str], **more: Any) -> CreatedClient:
        async with self.auth() as tx:
            return await create_client(tx, ClientDraft(member_id=member_id, name="client", scopes=scopes, **more))


def auth_settings(issuer: str = ISSUER, **more: Any) -> AuthSettings:
    return AuthSettings(public_url=issuer, audience=AUDIENCE, **{**CHEAP, "second_factor": "optional", **more})


def machine_scopes(kind: MemberKind) -> list[str]:
    return sorted(BY_KIND[kind] - OFFICER_ONLY)


def client_key(kid: str = "k1") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid}, private=True)


def jwks_of(*keys: ECKey) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def sign(key: Any, claims: dict[str, Any], *, algorithm: str = "ES256", **header: Any) -> str:
    header = {"alg": algorithm, "kid": getattr(key, "kid", None), **header}
    header = {name: value for name, value in header.items() if value is not None}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=[algorithm])


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def new_verifier() -> str:
    return secrets.token_urlsafe(48)
