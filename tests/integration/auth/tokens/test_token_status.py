import pytest

from auth.clients.registration import disable_client
from auth.tokens.token_status import find_inactive, is_active
from ledger.identifiers import new_id
from ledger.viewer import MemberKind
from tests.support.auth_world import World
from tests.support.token_streams import found_party, revoke


class TestTokenStatus:
    async def test_of_many_is_what_it_is_of_each(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("auth.tokens.token_status._BEARERS_MAX", 4)
        party, other = await found_party(world, "carrier"), await found_party(world, "other")
        third = await world.admit(MemberKind.CARRIER, "third")
        gone = await world.register(third, ["orders:read"])
        await world.disable_officer(other.officer_id)
        await revoke(world, "revoked")
        await revoke(world, "family")
        async with world.auth() as tx:
            await disable_client(tx, gone.client_id)
        principals = [
            party.machine("good"),
            party.officer("good officer"),
            party.officer("good family", family_id="another"),
            party.machine("revoked"),
            party.officer("of the family", family_id="family"),
            party.machine("family of none", family_id="revoked"),
            other.machine("machine"),
            other.officer("disabled officer"),
            party.machine("another's client", client_id=other.client_id),
            party.machine("another's officer", officer_id=other.officer_id),
            party.machine("no such client", client_id=new_id()),
            party.machine("disabled client", client_id=gone.client_id, member_id=third),
            party.machine("quotes \"'\\ and ü"),
        ]
        async with world.auth() as tx:
            stand = {
                principal.token_id: await is_active(tx, principal, settings=world.settings) for principal in principals
            }
            fallen = await find_inactive(tx, principals, settings=world.settings)
        assert sorted(fallen) == sorted(token_id for token_id, stands in stand.items() if not stands)
        assert [token_id for token_id, stands in stand.items() if stands] == [
            "good",
            "good officer",
            "good family",
            "machine",
            "quotes \"'\\ and ü",
        ]
