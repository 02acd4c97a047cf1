"""`jembatan officer`: officers with their logins, of the regulator and of members.

Four eyes are counted by officer, whichever login is used.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import ReasonNeeded, name_operator
from cli.printing import JsonFlag, note, print_json, print_result, print_table

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.identifiers import OfficerId
    from ledger.members.table import Officer
    from ledger.operator_acts.recording import Operator
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.database import Transaction

officers = typer.Typer(
    no_args_is_help=True,
    help="Add officers with logins, invite members' own, disable and list them, and help them log in.",
)

OfficerArgument = Annotated[str, typer.Argument(metavar="LOGIN", help="The officer's login, or id.")]
LoginArgument = Annotated[str, typer.Argument(metavar="LOGIN", help="The login.")]
Issuer = Annotated[str, typer.Option(help="The provider's issuer, exactly as in JEMBATAN_OPENID_ISSUER.")]
Subject = Annotated[str, typer.Option(help="The provider's permanent identifier of the person.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="File that contains the password; - reads standard input. Unset: prompts for it.")
]
DEFAULT_SCOPES = (
    "complaints:read",
    "complaints:file",
    "complaints:decide",
    "orders:read",
    "orders:draft",
    "orders:approve",
    "referrals:read",
    "referrals:offer",
    "numbers:read",
    "members:read",
    "feed:read",
    "signals:read",
    "signals:revoke",
)


@officers.command(
    "add",
    epilog="Example: jembatan officer add ana --office help-desk --name 'Ana Wijaya' --password-file ana.txt "
    "--reason 'New at the desk'",
)
def add_officer_with_login(
    *,
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="What the officer types on the login page.")],
    office: Annotated[str, typer.Option(help="The office's slug.")],
    name: Annotated[str, typer.Option(help="The name that colleagues see.")],
    reason: ReasonNeeded,
    member: Annotated[str | None, typer.Option(help="The member's slug. Unset: the only regulator.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What the officer may do; may be repeated. Unset: all but revealing, managing and auditing."),
    ] = None,
    password_file: PasswordFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Add an officer to an office, with a login. Both are created, or neither."""
    from auth.login.logins import create_login
    from auth.login.passwords import Passwords
    from auth.scopes import check_scopes
    from cli.lookups import get_office
    from cli.secrets_input import read_password
    from cli.session import Session, run_session
    from ledger.members.admission import OfficerDraft, add_officer
    from ledger.members.reading import load_members
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)
    password = read_password(password_file)

    async def work(session: Session) -> "Officer":
        passwords = Passwords(session.settings)
        async with session.writing() as tx:
            place = await get_office(tx, office, member_slug=member)
            kind = (await load_members(tx, [place.member_id]))[place.member_id].kind
            scopes = check_scopes(scope or DEFAULT_SCOPES, kind=kind, is_machine_only=False)
            officer = await add_officer(tx, OfficerDraft(office_id=place.id, display_name=name, scopes=tuple(scopes)))
            async with tx.role(Role.AUTH):
                await create_login(tx, passwords, officer_id=officer.id, login=login, password=password)
            await _record(tx, operator, Act.OFFICER_ADDED, officer.id)
            return officer

    officer = run_session(work)
    print_result(
        officer,
        {"id": officer.id, "login": login, "name": officer.display_name, "scopes": officer.scopes},
        as_json=as_json,
    )


@officers.command(
    "invite",
    epilog="Example: jembatan officer invite --member a-messenger --office legal --name 'Citra Dewi' "
    "--scope officers:manage --scope participations:accept --reason 'Named in their letter'",
)
def invite_by_link(
    *,
    member: Annotated[str, typer.Option(help="The member's slug; not the regulator's.")],
    office: Annotated[str, typer.Option(help="The office's slug.")],
    name: Annotated[str, typer.Option(help="The name that colleagues see.")],
    scope: Annotated[list[str], typer.Option(help="What the officer may do; may be repeated.")],
    reason: ReasonNeeded,
    as_json: JsonFlag = False,
) -> None:
    """Add an officer of a member with a link for one use to choose a login, and print the link.

    With officers:manage, the officer then invites and disables the member's others. Pass the link on in a way that
    reaches nobody else.
    """
    from auth.login.invitations import Invitation, invite_officer
    from cli.lookups import get_office
    from cli.session import Session, run_session
    from ledger.members.admission import OfficerDraft
    from ledger.operator_acts.vocabulary import Act

    operator = name_operator(reason)

    async def work(session: Session) -> Invitation:
        async with session.writing() as tx:
            place = await get_office(tx, office, member_slug=member)
            draft = OfficerDraft(office_id=place.id, display_name=name, scopes=tuple(scope))
            made = await invite_officer(tx, draft, settings=session.settings)
            await _record(tx, operator, Act.OFFICER_INVITED, made.officer.id)
            return made

    made = run_session(work)
    shown = {"id": made.officer.id, "name": made.officer.display_name, "link": made.url, "expiresAt": made.expires_at}
    print_result(shown, shown, as_json=as_json)


@officers.command("list", epilog="Example: jembatan officer list --json")
def list_all_officers(*, as_json: JsonFlag = False) -> None:
    """List officers and their logins, including disabled ones."""
    from auth.login.logins import list_logins
    from cli.lookups import read_pages
    from cli.session import Session, run_session
    from ledger.members.reading import list_officers, load_offices
    from ledger.storage.roles import Role

    async def work(session: Session) -> list[dict[str, object]]:
        async with session.writing() as tx:
            found = await read_pages(lambda page: list_officers(tx, page))
            offices = await load_offices(tx, [officer.office_id for officer in found])
            async with tx.role(Role.AUTH):
                logins = await list_logins(tx)
                await _warn(tx, session)
        return [
            {
                "id": officer.id,
                "name": officer.display_name,
                "logins": logins.get(officer.id, []),
                "office": offices[officer.office_id].slug,
                "scopes": list(officer.scopes),
                "disabledAt": officer.disabled_at,
            }
            for officer in found
        ]

    found = run_session(work)
    if as_json:
        print_json(found)
        return
    columns = ("id", "name", "logins", "office", "scopes", "disabledAt")
    titles = ("id", "name", "logins", "office", "scopes", "disabled")
    print_table("", titles, [[officer[column] for column in columns] for officer in found])


@officers.command("disable", epilog='Example: jembatan officer disable ana --reason "Left the office"')
def disable_by_login(*, officer: OfficerArgument, reason: ReasonNeeded, as_json: JsonFlag = False) -> None:
    """Disable an officer: their logins stop working and tokens end within seconds. Drafts stay with the office."""
    from auth.login.invitations import shut_out_officer
    from cli.lookups import get_officer
    from cli.session import Session, run_session
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> "Officer":
        async with session.writing() as tx:
            disabled = await shut_out_officer(tx, (await get_officer(tx, officer)).id, settings=session.settings)
            async with tx.role(Role.AUTH):
                await _warn(tx, session)
            await _record(tx, operator, Act.OFFICER_DISABLED, disabled.id)
            return disabled

    found = run_session(work)
    print_result(found, {"id": found.id, "name": found.display_name, "disabled": found.disabled_at}, as_json=as_json)


@officers.command("set-password", epilog='Example: jembatan officer set-password ana --reason "Asked in person"')
def set_login_password(*, login: LoginArgument, reason: ReasonNeeded, password_file: PasswordFile = None) -> None:
    """Give a login a new password; its browser sessions and the officer's tokens end."""
    from auth.login.logins import find_officer_id, set_password
    from auth.login.passwords import Passwords
    from cli.secrets_input import read_password
    from cli.session import Session, run_session
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)
    password = read_password(password_file)

    async def work(session: Session) -> None:
        passwords = Passwords(session.settings)
        async with session.system(Role.AUTH) as tx:
            await set_password(tx, passwords, login=login, password=password, settings=session.settings)
            await _record(tx, operator, Act.PASSWORD_SET, await find_officer_id(tx, login))

    run_session(work)
    note(f"The password of {login} is set.")


@officers.command(
    "reset-second-factor",
    epilog='Example: jembatan officer reset-second-factor ana --reason "Lost her phone, came in person"',
)
def reset_login_second_factor(*, login: LoginArgument, reason: ReasonNeeded) -> None:
    """Remove a login's second factor, for an officer who lost app and recovery codes. Be sure who is asking.

    Its browser sessions and the officer's refresh tokens end.
    """
    from auth.login.second_factors import reset_second_factor
    from cli.lookups import get_officer
    from cli.session import Session, run_session
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> bool:
        async with session.writing() as tx:
            async with tx.role(Role.AUTH):
                await reset_second_factor(tx, login=login)
            officer = await get_officer(tx, login)
            async with tx.role(Role.AUTH):
                await _end_tokens(tx, officer.id, session)
            await _record(tx, operator, Act.SECOND_FACTOR_RESET, officer.id)
        return session.settings.needs_second_factor(officer.scopes)

    is_required = run_session(work)
    note(f"{login} no longer has a second factor" + (" and must set one up at the next login." if is_required else "."))


@officers.command("forgive", epilog='Example: jembatan officer forgive ana --reason "Called from her desk"')
def forgive_wrong_passwords(*, login: LoginArgument, reason: ReasonNeeded) -> None:
    """Forget the wrong passwords tried for a login, so that its officer need not wait."""
    from auth.login.logins import find_officer_id, forgive_login
    from cli.session import Session, run_session
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> None:
        async with session.system(Role.AUTH) as tx:
            await forgive_login(tx, login=login)
            await _record(tx, operator, Act.LOGIN_FORGIVEN, await find_officer_id(tx, login))

    run_session(work)
    note(f"The wrong passwords for {login} are forgotten.")


@officers.command(
    "link-identity",
    epilog="Example: jembatan officer link-identity ana --issuer https://login.example.id --subject 4711 "
    "--reason 'Uses the ministry's login'",
)
def link_officer_identity(
    *,
    officer: OfficerArgument,
    issuer: Issuer,
    subject: Subject,
    reason: ReasonNeeded,
    as_json: JsonFlag = False,
) -> None:
    """Let the person with this subject at the regulator's own OpenID provider log in as the officer."""
    from auth.login.officer_identities import link_identity
    from cli.lookups import get_officer
    from cli.session import Session, run_session
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> "Officer":
        if issuer != session.settings.openid_issuer:
            note(f"{issuer} is not the provider in JEMBATAN_OPENID_ISSUER, so no one can log in with it now.")
        async with session.writing() as tx:
            found = await get_officer(tx, officer)
            async with tx.role(Role.AUTH):
                await link_identity(tx, issuer=issuer, subject=subject, officer_id=found.id)
            await _record(tx, operator, Act.IDENTITY_LINKED, found.id)
            return found

    found = run_session(work)
    linked = {"issuer": issuer, "subject": subject, "officerId": found.id, "name": found.display_name}
    print_result(linked, as_json=as_json)


@officers.command(
    "unlink-identity",
    epilog="Example: jembatan officer unlink-identity --issuer https://login.example.id --subject 4711 "
    "--reason 'Uses the ministry's login'",
)
def unlink_officer_identity(*, issuer: Issuer, subject: Subject, reason: ReasonNeeded) -> None:
    """Unlink the subject from its officer; the sessions it opened and the officer's refresh tokens end."""
    from auth.login.officer_identities import list_identities, unlink_identity
    from cli.session import Session, run_session
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> None:
        async with session.system(Role.AUTH) as tx:
            owners = {(link.issuer, link.subject): link.officer_id for link in await list_identities(tx)}
            await unlink_identity(tx, issuer=issuer, subject=subject)
            officer_id = owners.get((issuer, subject))
            await _end_tokens(tx, officer_id, session)
            await _record(tx, operator, Act.IDENTITY_UNLINKED, officer_id)

    run_session(work)
    note(f"The subject {subject} of {issuer} is no longer linked to an officer.")


@officers.command("identities", epilog="Example: jembatan officer identities --json")
def list_officer_identities(*, as_json: JsonFlag = False) -> None:
    """List which identities at the regulator's own OpenID provider belong to which officers."""
    from auth.login.officer_identities import list_identities
    from cli.session import Session, run_session
    from ledger.members.reading import load_officers
    from ledger.storage.roles import Role

    async def work(session: Session) -> list[dict[str, object]]:
        async with session.writing() as tx:
            async with tx.role(Role.AUTH):
                links = await list_identities(tx)
            known = await load_officers(tx, [link.officer_id for link in links])
        return [
            {
                "issuer": link.issuer,
                "subject": link.subject,
                "officerId": link.officer_id,
                "name": known[link.officer_id].display_name,
                "linkedAt": link.linked_at,
            }
            for link in links
        ]

    found = run_session(work)
    if as_json:
        print_json(found)
        return
    columns = ("issuer", "subject", "officerId", "name", "linkedAt")
    titles = ("issuer", "subject", "officer", "name", "linked")
    print_table("", titles, [[link[column] for column in columns] for link in found])


async def _warn(tx: "Transaction", session: "Session") -> None:
    """Note what stands in the way of the regulator's work. Runs under the AUTH role."""
    from auth.login.approvers import count_active_approvers, render_approver_warning

    warning = render_approver_warning(await count_active_approvers(tx, session.settings), session.settings)
    if warning is not None:
        note(f"Warning: {warning}")


async def _record(tx: "Transaction", operator: "Operator", act: "Act", officer_id: "OfficerId | None") -> None:
    from ledger.feed.vocabulary import Subject as EventSubject
    from ledger.operator_acts.recording import record_act

    if officer_id is not None:
        await record_act(tx, operator, act, subject=EventSubject.OFFICER, subject_id=officer_id)


async def _end_tokens(tx: "Transaction", officer_id: "OfficerId | None", session: "Session") -> None:
    """End the officer's tokens. Runs under the AUTH role."""
    from auth.protocol.ended_grants import end_officer_grants

    if officer_id is not None:
        await end_officer_grants(tx, officer_id, settings=session.settings)
