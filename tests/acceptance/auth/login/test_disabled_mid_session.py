"""A provider's signatory whom the administrator disables while logged in: all that is still held is void."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from auth.login.invitations import change_officer_scopes, invite_officer, shut_out_officer
from auth.login.table import officer_invitations
from auth.tokens.verification import Failure, Refusal
from ledger.identifiers import ClientId, OfficerId, new_id
from ledger.members.admission import OfficerDraft
from ledger.members.table import officers
from ledger.storage.roles import Role
from ledger.viewer import MemberKind, Viewer, ViewerKind
from tests.support.account_pages import enter, is_in
from tests.support.auth_site import Site
from tests.support.auth_world import CALLBACK, new_verifier
from tests.support.refresh_sessions import REFRESHING, Session, assert_refused

SCOPES = ["participations:accept", "participations:leave", "signals:read"]
ASKED = " ".join([*SCOPES, "offline_access"])


@pytest.fixture
async def firm(site: Site):
    """A provider with an application of its own, its administrator, and a signatory by the name of the login."""
    slug = f"messenger-{new_id()[-8:]}"
    provider = await site.world.admit(MemberKind.OTT_PROVIDER, slug)
    administrator = await site.world.appoint(provider, f"admin-{slug}", ["officers:manage"])
    signatory = await site.world.appoint(provider, f"signs-{slug}", SCOPES)
    client = await site.world.register(provider, SCOPES, redirect_uris=[CALLBACK], **REFRESHING)
    async with site.world.database.system(Role.TRANSITION, as_of=site.world.clock()) as tx:
        rows = await tx.execute(select(officers.c.id, officers.c.office_id).where(officers.c.member_id == provider))
        offices = {row.id: row.office_id for row in rows}
    viewer = Viewer(
        kind=ViewerKind.OTT_PROVIDER,
        member_id=provider,
        client_id=ClientId(client.client_id),
        officer_id=administrator,
        office_id=offices[administrator],
    )
    return Firm(site, viewer, client, signatory, f"signs-{slug}")


class Firm:
    def __init__(self, site: Site, administrator: Viewer, client, signatory: OfficerId, login: str) -> None:
        self.site, self.administrator, self.client = site, administrator, client
        self.signatory, self.login = signatory, login

    async def begin(self) -> Session:
        """The signatory logs in to the application, which gets an access and a refresh token."""
        verifier = new_verifier()
        code = await self.obtain_code(verifier)
        first = await self.site.redeem(self.client, code, verifier)
        assert first.status == 200, first.text
        return Session(self.site, self.client, first)

    async def obtain_code(self, verifier: str) -> str:
        after = await self.site.log_in(self.site.request(self.client, verifier, scope=ASKED), login=self.login)
        back = await self.site.go_on(after)
        return back.sent_back["code"]

    async def act(self, work, *given, **more):
        """Do what the administrator's mutation does, with its token's viewer."""
        world = self.site.world
        async with world.database.transaction(self.administrator, as_of=world.clock()) as tx:
            return await work(tx, *given, settings=world.settings, **more)


class TestDisabledMidSession:
    async def test_access_and_refresh_tokens_end_at_once(self, firm: Firm):
        session = await firm.begin()
        assert (await firm.site.principal(session.first)).officer_id == firm.signatory
        await firm.act(shut_out_officer, firm.signatory)
        # No more than what every process needs to hear of a revocation.
        firm.site.world.clock.advance(firm.site.world.settings.revocation_check_seconds)
        assert await firm.site.verdict(session.first) == Failure(Refusal.REVOKED)
        assert_refused(await session.refresh(session.token))

    async def test_code_that_was_not_redeemed_yet_is_worth_nothing(self, firm: Firm):
        verifier = new_verifier()
        code = await firm.obtain_code(verifier)
        await firm.act(shut_out_officer, firm.signatory)
        assert_refused(await firm.site.redeem(firm.client, code, verifier))

    async def test_open_consent_page_leads_to_no_code(self, firm: Firm):
        after = await firm.site.log_in(firm.site.request(firm.client, scope=ASKED), login=firm.login)
        page = await firm.site.send("GET", after.headers["Location"])
        assert 'name="decision"' in page.text
        await firm.act(shut_out_officer, firm.signatory)
        again = await firm.site.go_on(after)
        assert "code=" not in again.headers.get("Location", "")

    async def test_browser_is_logged_out_and_the_password_is_good_for_nothing(self, firm: Firm):
        await enter(firm.site, firm.login)
        assert await is_in(firm.site)
        await firm.act(shut_out_officer, firm.signatory)
        assert not await is_in(firm.site)
        await enter(firm.site, firm.login)
        assert not await is_in(firm.site)

    async def test_enabled_again_by_hand_has_nothing_of_what_ended(self, firm: Firm):
        session = await firm.begin()
        await firm.act(shut_out_officer, firm.signatory)
        async with firm.site.world.database.system(Role.TRANSITION, as_of=firm.site.world.clock()) as tx:
            await tx.execute(update(officers).where(officers.c.id == firm.signatory).values(disabled_at=None))
        assert await session.verdict(session.first) == Failure(Refusal.REVOKED)
        assert_refused(await session.refresh(session.token))
        assert not await is_in(firm.site)

    async def test_invitation_of_a_disabled_officer_is_gone(self, firm: Firm):
        draft = OfficerDraft(office_id=firm.administrator.office_id, display_name="Eve", scopes=tuple(SCOPES))
        made = await firm.act(invite_officer, draft)
        await firm.act(shut_out_officer, made.officer.id)
        async with firm.site.world.auth() as tx:
            kept = await tx.execute(
                select(officer_invitations).where(officer_invitations.c.officer_id == made.officer.id)
            )
            assert kept.all() == []
        path = made.url.removeprefix(firm.site.world.settings.issuer)
        assert (await firm.site.send("GET", path)).status == 404

    async def test_whose_scope_to_sign_was_taken_gets_no_token_with_it(self, firm: Firm):
        session = await firm.begin()
        await firm.act(change_officer_scopes, firm.signatory, ["signals:read"])
        assert await session.verdict(session.first) == Failure(Refusal.REVOKED)
        assert_refused(await session.refresh(session.token))
        firm.site.http.cookie_jar.clear()
        assert (await firm.site.principal((await firm.begin()).first)).scopes == {"signals:read"}

    async def test_administrator_who_was_disabled_invites_nobody_with_the_viewer_of_a_good_token(self, firm: Firm):
        accomplice = replace(firm.administrator, officer_id=firm.signatory)
        other = Firm(firm.site, accomplice, firm.client, firm.signatory, firm.login)
        await other.act(shut_out_officer, firm.administrator.officer_id)
        draft = OfficerDraft(office_id=firm.administrator.office_id, display_name="Eve")
        with pytest.raises(Exception, match="no longer an officer"):
            await firm.act(invite_officer, draft)
