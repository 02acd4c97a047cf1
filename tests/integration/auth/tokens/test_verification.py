import asyncio
import hmac
import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import insert

from auth.clients.registration import disable_client
from auth.tokens.principal import Principal
from auth.tokens.signing_keys import rotate_signing_key, withdraw_retired_keys
from auth.tokens.table import revoked_tokens
from auth.tokens.verification import Failure, Refusal, Success, TokenVerifier
from ledger.errors import DatabaseUnavailableError
from ledger.identifiers import new_id
from ledger.viewer import MemberKind, ViewerKind
from tests.support.auth_world import AUDIENCE, ISSUER, World, auth_settings, client_key, sign
from tests.support.statements import count_statements


class Bench:
    """A carrier's client, an officer, and tokens made by hand with our own signing key."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def prepare(self) -> "Bench":
        self.carrier = await self.world.admit(MemberKind.CARRIER, "carrier")
        self.client = await self.world.register(self.carrier, ["orders:read"])
        self.keys = await self.world.keys.get(as_of=self.world.clock())
        return self

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.world.clock().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": self.client.client_id,
            "client_id": self.client.client_id,
            "member_id": self.carrier,
            "member_kind": "CARRIER",
            "scope": "orders:read",
            "jti": "token-1",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key: Any = None, algorithm: str = "ES256", header: dict[str, Any] | None = None, **changes: Any):
        head = {"typ": "at+jwt", "kid": self.keys.current.kid} | (header or {})
        return sign(key or self.keys.current, self.claims(**changes), algorithm=algorithm, **head)

    async def verdict(self, token: str) -> Success | Failure:
        return await self.world.verifier.verify(token, self.world.clock())

    async def reason(self, token: str) -> Refusal:
        verdict = await self.verdict(token)
        assert isinstance(verdict, Failure)
        assert not verdict
        return verdict.reason


@pytest.fixture(scope="module")
async def bench(shared_world: World) -> Bench:
    """For tests that take nothing away from the client."""
    return await Bench(shared_world).prepare()


@pytest.fixture
async def own_bench(world: World) -> Bench:
    return await Bench(world).prepare()


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = [urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    return f"{parts[0]}.{parts[1]}.{signature}"


class TestVerify:
    async def test_tells_whose_token_it_is(self, bench: Bench) -> None:
        verdict = await bench.verdict(bench.token())

        assert isinstance(verdict, Success)
        assert verdict.principal == Principal(
            client_id=bench.client.client_id,
            member_id=bench.carrier,
            member_kind=MemberKind.CARRIER,
            scopes=frozenset({"orders:read"}),
            token_id="token-1",
            expires_at=bench.world.clock() + timedelta(seconds=600),
        )
        viewer = verdict.principal.viewer
        assert (viewer.kind, viewer.member_id, viewer.client_id) == (
            ViewerKind.CARRIER,
            bench.carrier,
            bench.client.client_id,
        )

    async def test_alg_none_is_refused(self, bench: Bench) -> None:
        kid = bench.keys.current.kid
        for algorithm in ("none", "None", "NONE"):
            header = {"alg": algorithm, "typ": "at+jwt", "kid": kid}
            assert await bench.reason(unsigned(header, bench.claims(), "AA")) is Refusal.SIGNATURE
            assert await bench.reason(unsigned(header, bench.claims())) is Refusal.MALFORMED

    async def test_key_confusion_with_the_public_key_as_shared_secret_is_refused(self, bench: Bench) -> None:
        public = bench.keys.current
        for secret in (public.as_pem(private=False), json.dumps(public.as_dict(private=False)).encode()):
            header = {"alg": "HS256", "typ": "at+jwt", "kid": public.kid}
            signed = unsigned(header, bench.claims()).rstrip(".")
            signature = urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).decode().rstrip("=")
            forged = f"{signed}.{signature}"
            assert await bench.reason(forged) is Refusal.SIGNATURE

    async def test_a_key_that_the_token_brings_itself_is_refused(self, bench: Bench) -> None:
        own = client_key()
        forged = bench.token(key=own, header={"jwk": own.as_dict(private=False)})
        assert await bench.reason(forged) is Refusal.MALFORMED

    async def test_another_key_under_our_kid_is_refused(self, bench: Bench) -> None:
        own = ECKey.generate_key("P-256", private=True)
        assert await bench.reason(bench.token(key=own)) is Refusal.SIGNATURE

    async def test_kid_injection_is_refused(self, bench: Bench) -> None:
        for kid in ("' OR 1=1 --", "../../etc/passwd", "\x00", "", "x" * 2_000):
            token = unsigned({"alg": "ES256", "typ": "at+jwt", "kid": kid}, bench.claims(), "AAAA")
            assert await bench.reason(token) is Refusal.SIGNATURE
        for kid in (None, 1, ["a"], {}):
            token = unsigned({"alg": "ES256", "typ": "at+jwt", "kid": kid}, bench.claims(), "AAAA")
            assert await bench.reason(token) is Refusal.MALFORMED

    async def test_unknown_kids_do_not_reach_the_database_each_time(self, bench: Bench) -> None:
        statements: list[str] = []
        end = count_statements(bench.world.database, statements.append)
        for number in range(50):
            await bench.reason(bench.token(header={"kid": f"unknown-{number}"}))
        end()
        assert len(statements) <= 3

    async def test_a_token_for_another_audience_is_refused(self, bench: Bench) -> None:
        for audience in ("https://other.example.org", [AUDIENCE, "https://other.example.org"], None):
            assert await bench.reason(bench.token(aud=audience)) is Refusal.AUDIENCE

    async def test_a_token_of_another_issuer_is_refused(self, bench: Bench) -> None:
        for issuer in ("https://evil.example.org", f"{ISSUER}/", None):
            assert await bench.reason(bench.token(iss=issuer)) is Refusal.ISSUER

    async def test_a_token_of_another_type_is_refused(self, bench: Bench) -> None:
        for kind in ("JWT", "dpop+jwt", "AT+JWT "):
            assert await bench.reason(bench.token(header={"typ": kind})) is Refusal.TYPE

    async def test_a_crit_header_is_refused(self, bench: Bench) -> None:
        header = {"alg": "ES256", "typ": "at+jwt", "kid": bench.keys.current.kid, "crit": ['"']}
        assert await bench.reason(unsigned(header, bench.claims(), "AAAA")) is Refusal.MALFORMED

    async def test_an_expired_token_is_refused_to_the_second_and_from_memory_too(self, bench: Bench) -> None:
        token = bench.token()
        assert await bench.verdict(token)
        bench.world.clock.advance(599)
        assert await bench.verdict(token)
        bench.world.clock.advance(1)
        assert await bench.reason(token) is Refusal.EXPIRED
        assert await bench.reason(token) is Refusal.EXPIRED

    async def test_a_token_that_is_not_yet_valid_is_refused_beyond_the_skew(self, bench: Bench) -> None:
        now = int(bench.world.clock().timestamp())
        assert await bench.verdict(bench.token(nbf=now + 10))
        assert await bench.reason(bench.token(nbf=now + 11)) is Refusal.NOT_YET_VALID

    async def test_claims_of_the_wrong_form_are_refused(self, bench: Bench) -> None:
        for change in ({"exp": "soon"}, {"exp": 1e300}, {"scope": 7}, {"member_kind": "KING"}, {"officer_id": "x"}):
            assert await bench.reason(bench.token(**change)) is Refusal.MALFORMED

    async def test_nonsense_is_refused(self, bench: Bench) -> None:
        token = bench.token()
        tampered = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
        nonsense = ["", "a", "a.b", "a.b.c.d", "....", "é.b.c", "\ud800.b.c", "a.b.c\n", "x" * 10_000, f"{token} "]
        deep = urlsafe_b64encode(b"[" * 5_000).decode().rstrip("=")
        for text in (*nonsense, f"{deep}.b.c"):
            assert await bench.reason(text) is Refusal.MALFORMED
        assert await bench.reason(tampered) is Refusal.SIGNATURE


class TestTokenStatus:
    async def test_a_disabled_clients_token_ends_within_seconds(self, own_bench: Bench) -> None:
        token = own_bench.token()
        assert await own_bench.verdict(token)
        async with own_bench.world.auth() as tx:
            await disable_client(tx, own_bench.client.client_id)
        own_bench.world.clock.advance(own_bench.world.settings.standing_check_seconds)
        assert await own_bench.reason(token) is Refusal.REVOKED
        assert await own_bench.reason(token) is Refusal.REVOKED

    async def test_a_suspended_members_token_ends_within_seconds(self, own_bench: Bench) -> None:
        token = own_bench.token()
        assert await own_bench.verdict(token)
        await own_bench.world.suspend(own_bench.carrier)
        own_bench.world.clock.advance(5)
        assert await own_bench.reason(token) is Refusal.REVOKED

    async def test_a_disabled_officers_token_ends_and_the_clients_own_lives_on(self, own_bench: Bench) -> None:
        officer_id = await own_bench.world.appoint(own_bench.carrier, "ana", ["orders:read"])
        token = own_bench.token(officer_id=officer_id, office_id=new_id(), jti="of-officer")
        assert await own_bench.verdict(token)
        await own_bench.world.disable_officer(officer_id)
        own_bench.world.clock.advance(5)
        assert await own_bench.reason(token) is Refusal.REVOKED
        assert await own_bench.verdict(own_bench.token())

    async def test_a_revoked_token_ends_within_a_second(self, own_bench: Bench) -> None:
        token = own_bench.token()
        assert await own_bench.verdict(token)
        now = own_bench.world.clock()
        async with own_bench.world.auth() as tx:
            await tx.execute(insert(revoked_tokens).values(token_id="token-1", revoked_at=now, expires_at=now))
        own_bench.world.clock.advance(0.5)
        assert await own_bench.reason(token) is Refusal.REVOKED
        assert await own_bench.verdict(own_bench.token(jti="token-2"))

    async def test_a_remembered_token_costs_no_statement_between_two_checks(self, own_bench: Bench) -> None:
        token = own_bench.token()
        await own_bench.verdict(token)
        statements: list[str] = []
        end = count_statements(own_bench.world.database, statements.append)
        for _ in range(20):
            own_bench.world.clock.advance(0.2)
            assert await own_bench.verdict(token)
        end()
        # Only what was revoked lately is asked, twice a second however many tokens are used.
        assert sum("FROM revoked_tokens" in statement for statement in statements) <= 9
        assert not any("FROM clients" in statement for statement in statements)

    async def test_a_token_of_a_withdrawn_key_ends_from_memory_too(self, own_bench: Bench) -> None:
        token = own_bench.token(exp=int(own_bench.world.clock().timestamp()) + 86_400)
        assert await own_bench.verdict(token)
        async with own_bench.world.auth() as tx:
            await rotate_signing_key(tx)
            await withdraw_retired_keys(tx)
        own_bench.world.clock.advance(own_bench.world.settings.signing_keys_refresh_seconds)
        assert await own_bench.reason(token) is Refusal.SIGNATURE

    async def test_more_revocations_than_fit_make_everything_be_asked_again(
        self, own_bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("auth.tokens.revocation_watch._REVOCATIONS_MAX", 3)
        token = own_bench.token()
        assert await own_bench.verdict(token)
        now = own_bench.world.clock()
        ended = [{"token_id": name, "revoked_at": now, "expires_at": now} for name in ("token-1", "a", "b", "c", "d")]
        async with own_bench.world.auth() as tx:
            await tx.execute(insert(revoked_tokens), ended)
        own_bench.world.clock.advance(0.5)
        assert await own_bench.reason(token) is Refusal.REVOKED

    async def test_more_revocations_than_fit_are_noticed_by_every_request_that_waited_for_the_answer(
        self, own_bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("auth.tokens.revocation_watch._REVOCATIONS_MAX", 3)
        tokens = [own_bench.token(jti=f"token-{number}") for number in range(4)]
        for token in tokens:
            assert await own_bench.verdict(token)
        now = own_bench.world.clock()
        names = ("a", "b", "c", "token-0", "token-1", "token-2", "token-3")
        async with own_bench.world.auth() as tx:
            for name in names:
                await tx.execute(insert(revoked_tokens).values(token_id=name, revoked_at=now, expires_at=now))
        own_bench.world.clock.advance(0.5)
        assert await asyncio.gather(*map(own_bench.reason, tokens)) == [Refusal.REVOKED] * 4

    async def test_nothing_is_taken_on_trust_while_the_database_is_away(self, own_bench: Bench) -> None:
        token = own_bench.token()
        await own_bench.verdict(token)
        own_bench.world.clock.advance(5)
        await own_bench.world.database.close()
        broken = TokenVerifier(_Away(), own_bench.world.keys, own_bench.world.settings)
        with pytest.raises(DatabaseUnavailableError):
            await broken.verify(token, own_bench.world.clock())

    async def test_memory_of_tokens_is_bounded(self, own_bench: Bench) -> None:
        world = own_bench.world
        verifier = TokenVerifier(world.database, world.keys, auth_settings(token_cache_entries=3))
        for number in range(6):
            assert await verifier.verify(own_bench.token(jti=f"t{number}"), world.clock())
        assert len(verifier._remembered) == 3


class _Away:
    """A database that can't be reached."""

    def system(self, *_: Any, **__: Any) -> Any:
        raise DatabaseUnavailableError
