from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from auth.clients.keys import find_key
from auth.clients.policies import ClientPolicy
from auth.clients.registered_clients import find_client
from auth.clients.registration import (
    ClientDraft,
    create_client,
    disable_client,
    list_clients,
    rotate_public_keys,
    rotate_secret,
    set_policies,
)
from auth.errors import (
    ClientInvalidError,
    ClientKeysInvalidError,
    ClientUnknownError,
    MachineScopeError,
    MemberUnknownError,
    RedirectUriInvalidError,
    ScopeForbiddenError,
    ScopeUnknownError,
)
from auth.scopes import BY_KIND, OFFICER_ONLY, WORDS
from ledger.identifiers import BrandId, ClientId, MemberId, new_id
from ledger.viewer import MemberKind
from tests.support.auth_world import CALLBACK, World, client_key, jwks_of


async def _find(world: World, client_id: str):
    async with world.auth() as tx:
        return await tx.connection.run_sync(partial(find_client, as_of=tx.as_of), client_id)


class TestCreateClient:
    async def test_shows_a_secret_once_and_keeps_only_its_hash(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")

        created = await world.register(carrier, ["orders:read"])

        assert created.secret is not None
        found = await _find(world, created.client_id)
        assert found.check_client_secret(created.secret)
        assert not found.check_client_secret("other")
        assert created.secret.encode() not in found.secret_hashes[0]

    async def test_escalation_by_kind_is_refused_for_every_scope_that_a_kind_may_not_have(self, world: World) -> None:
        for kind in MemberKind:
            member_id = await world.admit(kind, kind.value.lower().replace("_", "-"))
            for scope in set(WORDS) - BY_KIND[kind]:
                with pytest.raises(ScopeForbiddenError):
                    await world.register(member_id, [scope])
        async with world.auth() as tx:
            assert await list_clients(tx) == []

    async def test_a_machine_can_never_hold_an_officers_scope(self, world: World) -> None:
        regulator = await world.admit(MemberKind.REGULATOR, "regulator")
        provider = await world.admit(MemberKind.OTT_PROVIDER, "provider")
        for scope in OFFICER_ONLY:
            member = regulator if scope in BY_KIND[MemberKind.REGULATOR] else provider
            with pytest.raises(MachineScopeError):
                await world.register(member, [scope])

    async def test_refuses_an_unknown_scope(self, world: World) -> None:
        regulator = await world.admit(MemberKind.REGULATOR, "regulator")
        with pytest.raises(ScopeUnknownError):
            await world.register(regulator, ["orders:*"])

    async def test_refuses_an_unknown_member_and_anothers_brand(self, world: World) -> None:
        with pytest.raises(MemberUnknownError):
            await world.register(MemberId(new_id()), ["orders:read"])
        with pytest.raises(MemberUnknownError):
            await world.register(MemberId("no id at all"), ["orders:read"])
        one = await world.admit(MemberKind.CARRIER, "one")
        other = await world.admit(MemberKind.CARRIER, "other")
        brand = await world.add_brand(other, "brand")
        with pytest.raises(MemberUnknownError):
            await world.register(one, ["orders:read"], brand_id=BrandId(brand))

    async def test_refuses_what_contradicts_itself(self, world: World) -> None:
        regulator = await world.admit(MemberKind.REGULATOR, "regulator")
        good = ClientDraft(member_id=regulator, name="n", scopes=["orders:read"])
        bad = [
            replace(good, name=""),
            replace(good, name="a\x00b"),
            replace(good, scopes=[]),
            replace(good, grant_types=["password"]),
            replace(good, grant_types=[]),
            replace(good, auth_method="client_secret_post"),
            replace(good, auth_method="none"),
            replace(good, auth_method="private_key_jwt"),
            replace(good, redirect_uris=[CALLBACK]),
            replace(good, grant_types=["authorization_code"]),
        ]
        for draft in bad:
            async with world.auth() as tx:
                with pytest.raises(ClientInvalidError):
                    await create_client(tx, draft)

    async def test_refuses_a_redirect_uri_that_is_not_safe(self, world: World) -> None:
        regulator = await world.admit(MemberKind.REGULATOR, "regulator")
        with pytest.raises(RedirectUriInvalidError):
            await world.register(
                regulator,
                ["orders:read"],
                grant_types=["authorization_code"],
                redirect_uris=["http://console.example.org/callback"],
            )

    async def test_refuses_a_private_key(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        document = {"keys": [client_key().as_dict(private=True)]}
        with pytest.raises(ClientKeysInvalidError):
            await world.register(carrier, ["orders:read"], auth_method="private_key_jwt", public_keys=document)

    async def test_keeps_a_clients_public_keys(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        document = jwks_of(client_key())

        created = await world.register(carrier, ["orders:read"], auth_method="private_key_jwt", public_keys=document)

        assert created.secret is None
        assert (await _find(world, created.client_id)).public_keys == document


class TestFindClient:
    async def test_finds_only_by_the_exact_id(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        created = await world.register(carrier, ["orders:read"])
        for other in (created.client_id.upper(), f" {created.client_id}", f"{{{created.client_id}}}", "x", "\x00"):
            assert await _find(world, other) is None

    async def test_finds_no_client_of_a_suspended_member(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        created = await world.register(carrier, ["orders:read"])
        await world.suspend(carrier)
        assert await _find(world, created.client_id) is None


class TestListAndDisable:
    async def test_lists_by_member_and_shows_when_a_client_was_disabled(self, world: World) -> None:
        one = await world.admit(MemberKind.CARRIER, "one")
        other = await world.admit(MemberKind.CARRIER, "other")
        first = await world.register(one, ["orders:read"])
        await world.register(other, ["orders:read"])

        async with world.auth() as tx:
            await disable_client(tx, first.client_id)
            await disable_client(tx, first.client_id)
            listed = await list_clients(tx, member_id=one)
            everyone = await list_clients(tx)

        assert [client.disabled_at for client in listed] == [world.clock()]
        assert len(everyone) == 2
        assert await _find(world, first.client_id) is None

    async def test_says_when_there_is_no_such_client(self, world: World) -> None:
        async with world.auth() as tx:
            for unknown in (ClientId(new_id()), ClientId("x")):
                with pytest.raises(ClientUnknownError):
                    await disable_client(tx, unknown)
                with pytest.raises(ClientUnknownError):
                    await rotate_secret(tx, unknown)


class TestRotateSecret:
    async def test_ends_the_secret_before(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        created = await world.register(carrier, ["orders:read"])

        async with world.auth() as tx:
            secret = await rotate_secret(tx, created.client_id)

        found = await _find(world, created.client_id)
        assert found.check_client_secret(secret)
        assert not found.check_client_secret(created.secret)

    async def test_takes_both_secrets_until_the_overlap_is_over(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        created = await world.register(carrier, ["orders:read"])
        async with world.auth() as tx:
            secret = await rotate_secret(tx, created.client_id, overlap=timedelta(hours=1))

        world.clock.advance(3_599)
        during = await _find(world, created.client_id)
        assert during.check_client_secret(secret)
        assert during.check_client_secret(created.secret)
        world.clock.advance(1)
        after = await _find(world, created.client_id)
        assert after.check_client_secret(secret)
        assert not after.check_client_secret(created.secret)

    async def test_a_second_rotation_ends_the_first_secret(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        created = await world.register(carrier, ["orders:read"])
        async with world.auth() as tx:
            await rotate_secret(tx, created.client_id, overlap=timedelta(hours=1))
            await rotate_secret(tx, created.client_id, overlap=timedelta(hours=1))
        assert not (await _find(world, created.client_id)).check_client_secret(created.secret)


class TestRotatePublicKeys:
    async def test_takes_both_sets_until_the_overlap_is_over(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        old, new = client_key("old"), client_key("new")
        created = await world.register(
            carrier, ["orders:read"], auth_method="private_key_jwt", public_keys=jwks_of(old)
        )
        async with world.auth() as tx:
            await rotate_public_keys(tx, created.client_id, jwks_of(new), overlap=timedelta(hours=1))

        during = (await _find(world, created.client_id)).public_keys
        assert [key["kid"] for key in during["keys"]] == ["new", "old"]
        world.clock.advance(3_600)
        after = (await _find(world, created.client_id)).public_keys
        assert find_key(after, kid="old", algorithm="ES256") is None
        assert find_key(after, kid="new", algorithm="ES256") is not None

    async def test_a_key_of_the_same_kid_is_replaced_at_once(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        old, new = client_key("same"), client_key("same")
        created = await world.register(
            carrier, ["orders:read"], auth_method="private_key_jwt", public_keys=jwks_of(old)
        )
        async with world.auth() as tx:
            await rotate_public_keys(tx, created.client_id, jwks_of(new), overlap=timedelta(hours=1))
        assert (await _find(world, created.client_id)).public_keys == jwks_of(new)

    async def test_is_nothing_for_a_client_with_a_secret(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        created = await world.register(carrier, ["orders:read"])
        async with world.auth() as tx:
            with pytest.raises(ClientUnknownError):
                await rotate_public_keys(tx, created.client_id, jwks_of(client_key()))


class TestPolicies:
    async def test_are_asked_of_the_client_from_then_on(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        created = await world.register(carrier, ["orders:read"])
        async with world.auth() as tx:
            await set_policies(tx, created.client_id, [ClientPolicy.REQUIRE_DPOP])
        assert (await _find(world, created.client_id)).policies == {ClientPolicy.REQUIRE_DPOP}

    async def test_must_fit_the_clients_grants_and_authentication(self, world: World) -> None:
        carrier = await world.admit(MemberKind.CARRIER, "carrier")
        created = await world.register(carrier, ["orders:read"])
        async with world.auth() as tx:
            for policy in (ClientPolicy.FAPI_2, ClientPolicy.REFRESH_ALWAYS):
                with pytest.raises(ClientInvalidError):
                    await set_policies(tx, created.client_id, [policy])
        with pytest.raises(ClientInvalidError):
            await world.register(carrier, ["orders:read"], policies=[ClientPolicy.FAPI_2])
        with pytest.raises(ClientInvalidError):
            await world.register(carrier, ["orders:read"], grant_types=["client_credentials", "refresh_token"])
