"""Officers' clients that were given refresh tokens."""

from typing import Any

from auth.clients.registration import CreatedClient
from tests.support.auth_site import Reply, Site
from tests.support.auth_world import new_verifier

REFRESHING = {"grant_types": ["authorization_code", "refresh_token"]}


class Session:
    """An officer's client that was given a refresh token."""

    def __init__(self, site: Site, client: CreatedClient, first: Reply) -> None:
        self.site = site
        self.client = client
        self.first = first

    async def refresh(self, token: str, **more: str) -> Reply:
        form = {"grant_type": "refresh_token", "refresh_token": token, **more}
        return await self.site.post_token(form, basic=self.client)

    async def verdict(self, reply: Reply) -> Any:
        self.site.world.clock.advance(self.site.world.settings.standing_check_seconds)
        return await self.site.world.verifier.verify(reply.json["access_token"], self.site.world.clock())

    @property
    def token(self) -> str:
        return str(self.first.json["refresh_token"])


async def begin(site: Site, scopes: list[str] | None = None, **more: Any) -> Session:
    scope = more.pop("scope", "orders:read orders:approve offline_access")
    site.http.cookie_jar.clear()
    client = await site.officers_client(scopes, **{**REFRESHING, **more})
    verifier = new_verifier()
    code = await site.obtain_code(client, verifier, scope=scope)
    first = await site.redeem(client, code, verifier)
    assert first.status == 200, first.text
    return Session(site, client, first)


def assert_refused(reply: Reply) -> None:
    assert (reply.status, reply.error) == (400, "invalid_grant"), reply.text
