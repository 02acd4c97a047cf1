"""`jembatan signals`: derives fraud signals again, as the system; reads what members say of them, as the regulator."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import Reason, name_operator
from cli.printing import JsonFlag, print_json, print_result, print_table, show_progress
from ledger.signals.states import ContributionState
from ledger.signals.vocabulary import ContributionKind

if TYPE_CHECKING:
    from ledger.signals.contribution_table import Contribution
    from ledger.signals.table import RevocationNotice

signals = typer.Typer(
    no_args_is_help=True, help="Maintain fraud signals, and see what members contributed and confirmed."
)

MemberOption = Annotated[str | None, typer.Option(metavar="MEMBER", help="Only of this member, by its slug.")]


@signals.command("settle", epilog="Example: jembatan signals settle")
def settle(*, reason: Reason = None, as_json: JsonFlag = False) -> None:
    """Settle the signals of every number again: after an upgrade, or when their settings changed. Safe to repeat."""
    from cli.session import Session, run_session
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.signals.settling import settle_next_signals
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> int:
        total, last = 0, None
        with show_progress("Settling") as progress:
            while True:
                async with session.system(Role.TRANSITION) as tx:
                    if last is None:
                        await record_act(tx, operator, Act.SIGNALS_SETTLED, subject=Subject.FEED, subject_id="signals")
                    changed, last = await settle_next_signals(tx, after=last)
                if last is None:
                    return total
                total += changed
                progress.advance(changed)

    changed = run_session(work)
    print_result({"changed": changed}, {"signals changed": changed}, as_json=as_json)


@signals.command("contributions", epilog="Example: jembatan signals contributions --member a-messenger --json")
def list_contributed(
    *,
    member: MemberOption = None,
    state: Annotated[
        list[ContributionState] | None, typer.Option("--state", case_sensitive=False, help="In this state.")
    ] = None,
    kind: Annotated[
        list[ContributionKind] | None, typer.Option("--kind", case_sensitive=False, help="About this kind of thing.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List what members contributed, newest first, with what they withdrew or replaced."""
    from cli.lookups import get_member, get_regulator_viewer, read_pages
    from cli.session import Session, run_session
    from ledger.members.reading import load_members
    from ledger.signals.contribution_reading import ContributionFilter, list_contributions

    async def work(session: Session) -> "list[tuple[str, Contribution]]":
        async with session.reading() as tx:
            viewer = await get_regulator_viewer(tx)
            contributor_id = (await get_member(tx, member)).id if member is not None else None
        wanted = ContributionFilter(states=tuple(state or ()), kinds=tuple(kind or ()), contributor_id=contributor_id)
        async with session.reading(viewer) as tx:
            found = await read_pages(lambda page: list_contributions(tx, page, wanted))
            known = await load_members(tx, [item.member_id for item in found])
        return [(known[item.member_id].slug, item) for item in found]

    listed = run_session(work)
    if as_json:
        print_json({"contributions": [item for _, item in listed]})
        return
    rows = [
        (
            slug,
            item.e164 or item.url or f"{item.platform_name or item.platform} {item.handle}",
            item.category.value,
            item.reference,
            item.recorded_at,
            item.state.value,
        )
        for slug, item in listed
    ]
    print_table("Contributions", ("member", "about", "category", "reference", "recorded", "state"), rows)


@signals.command("revocations", epilog="Example: jembatan signals revocations --unconfirmed --json")
def list_revocations(
    *,
    member: MemberOption = None,
    unconfirmed: Annotated[bool, typer.Option(help="Only those that the provider has yet to confirm.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List which providers were told that a signal is revoked, and which of them confirmed it, oldest first."""
    from cli.lookups import get_member, get_regulator_viewer, read_pages
    from cli.session import Session, run_session
    from ledger.members.reading import load_members
    from ledger.signals.confirming import NoticeFilter, list_notices

    async def work(session: Session) -> "list[tuple[str, RevocationNotice]]":
        async with session.reading() as tx:
            viewer = await get_regulator_viewer(tx)
            member_id = (await get_member(tx, member)).id if member is not None else None
        wanted = NoticeFilter(is_confirmed=False if unconfirmed else None, member_id=member_id)
        async with session.reading(viewer) as tx:
            found = await read_pages(lambda page: list_notices(tx, page, wanted))
            known = await load_members(tx, [notice.member_id for notice in found])
        return [(known[notice.member_id].slug, notice) for notice in found]

    listed = run_session(work)
    if as_json:
        print_json({"notices": [notice for _, notice in listed]})
        return
    rows = [
        (slug, notice.signal_id, notice.reason.value, notice.revoked_at, notice.confirmed_at or "")
        for slug, notice in listed
    ]
    print_table("Revocations", ("provider", "signal", "reason", "revoked", "confirmed"), rows)
