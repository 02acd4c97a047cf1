"""The regulator's own OpenID provider: the login through it, and answers that are none of its."""

import base64
import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc.jwk import OctKey
from starlette.applications import Starlette

from auth.errors import IdentityInvalidError, IdentityTakenError, IdentityUnknownError, OfficerUnknownError
from auth.login import openid_provider
from auth.login.browser import LOGIN_PAGE_SECONDS
from auth.login.officer_identities import link_identity, list_identities, unlink_identity
from ledger.storage.sealing import Keyring
from ledger.viewer import MemberKind
from tests.support.account_pages import ACCOUNT, enter, forms_of, is_in
from tests.support.auth_site import Reply, Site, make_auth_app
from tests.support.auth_world import Clock, World, auth_settings, client_key
from tests.support.cluster import Cluster
from tests.support.issuer import CLIENT_ID, CLIENT_SECRET, Issuer, sign
from tests.support.loopback import serve

CALLBACK_PATH = "/oauth/provider/callback"


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    made: list[Issuer] = []

    def make(url: str) -> Starlette:
        made.append(Issuer(url, Clock()))
        return made[0].app()

    async with serve(make):
        yield made[0]


@pytest.fixture
async def home(
    cluster: Cluster, keyring: Keyring, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """A gateway that trusts the issuer; ana is u-1 there."""
    monkeypatch.setattr(openid_provider, "_RESPONSE_BYTES_MAX", 20_000)
    async with cluster.lend(keyring) as database:
        made: list[World] = []

        def make(url: str) -> Starlette:
            settings = auth_settings(
                url,
                openid_issuer=issuer.url,
                openid_client_id=CLIENT_ID,
                openid_client_secret=CLIENT_SECRET,
                openid_audience=CLIENT_ID,
                openid_name="The Ministry",
            )
            made.append(World(database, settings, clock=issuer.clock))
            return make_auth_app(made[0])

        async with serve(make) as url:
            world = made[0]
            regulator = await world.admit(MemberKind.REGULATOR, "regulator")
            carrier = await world.admit(MemberKind.CARRIER, "carrier")
            officer = await world.appoint(regulator, "ana", ["orders:read", "orders:approve"])
            machine = await world.register(regulator, ["orders:read"])
            async with world.auth() as tx:
                await link_identity(tx, issuer=issuer.url, subject="u-1", officer_id=officer)
            parties = {"regulator": regulator, "carrier": carrier, "officer": officer, "machine": machine}
            async with Site.open(world, url, **parties) as site:
                yield site


async def leave(site: Site, page: Reply | None = None) -> str:
    """From the login page to the provider's address."""
    page = page or await site.send("GET", "/oauth/login")
    action = next(part for part in page.text.split('"') if part.startswith("/oauth/provider"))
    form = forms_of(page, action)
    gone = await site.send_form(action.replace("&amp;", "&"), form)
    assert gone.status == 200, gone.text
    return gone.text.split('content="0;url=')[1].split('"')[0].replace("&amp;", "&")


async def come_back(site: Site, url: str, **changes: str | None) -> Reply:
    """Through the provider, which knows the person already, and back."""
    async with site.http.get(url, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
        query = dict(parse_qsl(urlsplit(answer.headers["Location"]).query)) | changes
    sent = urlencode({name: value for name, value in query.items() if value is not None})
    return await site.send("GET", f"{CALLBACK_PATH}?{sent}")


async def log_in(site: Site) -> Reply:
    return await come_back(site, await leave(site))


class TestProvider:
    async def test_logs_the_linked_officer_in_and_leads_back_to_the_client(self, home: Site) -> None:
        client = await home.officers_client()
        page = await home.authorize(home.request(client))
        assert "Log in with The Ministry" in page.text
        url = await leave(home, page)
        asked = dict(parse_qsl(urlsplit(url).query))
        assert (asked["code_challenge_method"], asked["scope"], asked["response_type"]) == ("S256", "openid", "code")
        back = await home.go_on(await come_back(home, url))
        assert back.sent_back["code"]
        assert "ana" in (await home.send("GET", ACCOUNT)).text

    async def test_is_trusted_instead_of_the_regulators_passwords(self, home: Site) -> None:
        assert (await enter(home)).status == 403
        assert home.world.settings.openid_issuer
        object.__setattr__(home.world.settings, "openid_passwords", True)
        assert (await enter(home)).status == 303

    async def test_leaves_other_members_their_passwords(self, home: Site) -> None:
        await home.world.appoint(home.carrier, "budi", ["orders:read"])
        assert (await enter(home, "budi")).status == 303

    async def test_lets_nobody_in_who_is_linked_to_no_active_officer(self, home: Site, issuer: Issuer) -> None:
        issuer.subject = "u-2<b>"
        stranger = await log_in(home)
        assert (stranger.status, "u-2&lt;b&gt;" in stranger.text) == (403, True)
        issuer.subject = "u-1"
        await home.world.disable_officer(home.officer)
        assert (await log_in(home)).status == 403

    async def test_a_session_ends_when_the_link_is_taken_away(self, home: Site, issuer: Issuer) -> None:
        await log_in(home)
        assert await is_in(home)
        assert (await home.send("GET", "/oauth/password")).headers["Location"] == ACCOUNT
        async with home.world.auth() as tx:
            await unlink_identity(tx, issuer=issuer.url, subject="u-1")
            with pytest.raises(IdentityUnknownError):
                await unlink_identity(tx, issuer=issuer.url, subject="u-1")
        assert not await is_in(home)

    async def test_notices_new_keys_and_remembers_old_ones(self, home: Site, issuer: Issuer) -> None:
        await log_in(home)
        await log_in(home)
        assert issuer.asked == ["metadata", "keys"]
        issuer.key = client_key("k2")
        issuer.published = [issuer.key]
        issuer.forge = lambda claims: sign(issuer.key, claims, kid="k2")
        assert (await log_in(home)).status == 403, "an unknown key does not make us ask at an attacker's pace"
        home.world.clock.advance(5)
        assert (await log_in(home)).status == 303

    async def test_being_away_or_boundless_is_a_503_that_says_so(self, home: Site, issuer: Issuer) -> None:
        issuer.padding = 30_000
        page = await home.send("GET", "/oauth/login")
        assert (await home.send_form("/oauth/provider", forms_of(page, "/oauth/provider"))).status == 503
        issuer.padding, issuer.metadata = 0, {"token_endpoint": "http://evil.example.org/token"}
        assert (await home.send_form("/oauth/provider", forms_of(page, "/oauth/provider"))).status == 503
        issuer.metadata = {"issuer": "https://evil.example.org"}
        assert (await home.send_form("/oauth/provider", forms_of(page, "/oauth/provider"))).status == 503
        issuer.metadata, issuer.token_status = {}, 500
        assert (await log_in(home)).status == 503


class TestAttacksThroughTheProvider:
    async def refused(self, site: Site, url: str, status: int = 403, **changes: str | None) -> None:
        reply = await come_back(site, url, **changes)
        assert reply.status == status, reply.text
        assert not await is_in(site)

    async def test_mix_up_another_issuers_answer_is_refused(self, home: Site) -> None:
        await self.refused(home, await leave(home), iss="https://evil.example.org")

    async def test_mix_up_an_answer_without_iss_is_refused_where_iss_is_promised(self, home: Site) -> None:
        await self.refused(home, await leave(home), iss=None)

    async def test_login_csrf_an_answer_of_another_browser_is_refused(self, home: Site) -> None:
        url = await leave(home)
        home.http.cookie_jar.clear()
        await self.refused(home, url, 400)
        await home.send("GET", "/oauth/login")
        await self.refused(home, url, 400)

    async def test_csrf_on_leaving_is_refused(self, home: Site) -> None:
        page = await home.send("GET", "/oauth/login")
        good = forms_of(page, "/oauth/provider")
        assert (await home.send_form("/oauth/provider", {"csrf_token": "0" * 64})).status == 400
        assert (await home.send_form("/oauth/provider", good, headers={"Origin": "https://evil"})).status == 400

    async def test_invented_and_replayed_states_are_refused(self, home: Site) -> None:
        for state in ("invented", "\x00", None):
            await self.refused(home, await leave(home), 400, state=state)
        url = await leave(home)
        await come_back(home, url)
        assert (await come_back(home, url)).status == 400

    async def test_an_answer_that_comes_too_late_is_refused(self, home: Site) -> None:
        url = await leave(home)
        home.world.clock.advance(LOGIN_PAGE_SECONDS)
        await self.refused(home, url, 400)

    async def test_code_injection_another_logins_code_is_refused(self, home: Site, issuer: Issuer) -> None:
        async with home.http.get(await leave(home), allow_redirects=False) as answer:
            stolen = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["code"]
        await self.refused(home, await leave(home), code=stolen)

    async def test_a_providers_error_is_told_and_nobody_is_in(self, home: Site) -> None:
        await self.refused(home, await leave(home), code=None, error="access_denied", error_description='a "text" \\')

    @pytest.mark.parametrize(
        "claims",
        [
            {"iss": "https://evil.example.org"},
            {"aud": "another"},
            {"aud": ["another"]},
            {"aud": [CLIENT_ID, "another"]},
            {"azp": "another"},
            {"nonce": "another"},
            {"exp": 1},
            {"exp": "never"},
            {"iat": 4_000_000_000},
            {"nbf": 4_000_000_000},
            {"sub": ""},
            {"sub": ["u-1"]},
            {"sub": "u-1\x00"},
            {"sub": "x" * 300},
        ],
    )
    async def test_an_id_token_of_another_issuer_audience_time_or_login_is_refused(
        self, home: Site, issuer: Issuer, claims: dict[str, object]
    ) -> None:
        issuer.claims = claims
        await self.refused(home, await leave(home))

    async def test_an_id_token_without_a_needed_claim_is_refused(self, home: Site, issuer: Issuer) -> None:
        for name in ("iss", "sub", "aud", "exp", "iat", "nonce"):
            issuer.dropped = {name}
            await self.refused(home, await leave(home))

    async def test_alg_none_and_key_confusion_are_refused(self, home: Site, issuer: Issuer) -> None:
        def plain(part: object) -> str:
            return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

        public = OctKey.import_key(json.dumps(issuer.key.as_dict(private=False)))
        forgeries = [
            lambda claims: f"{plain({'alg': 'none', 'kid': 'k1'})}.{plain(claims)}.",
            lambda claims: sign(public, claims, "HS256"),
            lambda claims: sign(client_key(), claims),
            lambda claims: sign(issuer.key, claims, kid="../../keys"),
            lambda claims: sign(issuer.key, claims)[:-6] + "AAAAAA",
            lambda _claims: "é.é.é",
            lambda _claims: "",
        ]
        for forge in forgeries:
            issuer.forge = forge
            await self.refused(home, await leave(home))

    async def test_a_required_claim_is_required(self, home: Site, issuer: Issuer) -> None:
        for name, value in (("openid_required_claim", "groups"), ("openid_required_value", "fraud desk")):
            object.__setattr__(home.world.settings, name, value)
        await self.refused(home, await leave(home))
        issuer.claims = {"groups": ["fraud desk", "canteen"]}
        assert (await log_in(home)).status == 303


class TestLinkIdentity:
    async def test_links_each_subject_to_one_officer_of_a_regulator(self, home: Site, issuer: Issuer) -> None:
        outsider = await home.world.appoint(home.carrier, "outsider", ["orders:read"])
        async with home.world.auth() as tx:
            with pytest.raises(OfficerUnknownError):
                await link_identity(tx, issuer=issuer.url, subject="u-9", officer_id=outsider)
            with pytest.raises(IdentityTakenError):
                await link_identity(tx, issuer=issuer.url, subject="u-1", officer_id=home.officer)
            with pytest.raises(IdentityInvalidError):
                await link_identity(tx, issuer=issuer.url, subject="", officer_id=home.officer)
            await link_identity(tx, issuer=issuer.url, subject="u-7", officer_id=home.officer)
            linked = {identity.subject: identity.officer_id for identity in await list_identities(tx)}
        assert linked == {"u-1": home.officer, "u-7": home.officer}
