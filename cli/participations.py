"""`jembatan participation`: who gets fraud signals, on terms on paper or signed here, as the operator."""

from typing import Annotated

import typer

from cli.acting import ReasonNeeded, name_operator
from cli.printing import JsonFlag, print_json, print_result, print_table
from cli.times import parse_moment
from ledger.participations.vocabulary import Disclosure, PartingReason
from ledger.vocabulary import Category

participations = typer.Typer(
    no_args_is_help=True,
    help="Publish and offer terms on which providers get fraud signals, record them on paper, and see who signed.",
)

MemberArgument = Annotated[str, typer.Argument(metavar="MEMBER", help="The provider's slug.")]


@participations.command(
    "start",
    epilog='Example: jembatan participation start a-messenger --terms PKS-7/2026 --purpose "Protect users from fraud" '
    '--roles "Each side is an independent controller" --reason "Signed on 3 May"',
)
def start(
    *,
    member: MemberArgument,
    terms: Annotated[str, typer.Option(help="Where to find the signed terms.")],
    purpose: Annotated[str, typer.Option(help="What the signals may be used for.")],
    roles: Annotated[str, typer.Option(help="Each side's role and responsibility for the data.")],
    reason: ReasonNeeded,
    category: Annotated[
        list[Category] | None, typer.Option(case_sensitive=False, help="May be repeated. Unset: all.")
    ] = None,
    disclosure: Annotated[
        Disclosure, typer.Option(case_sensitive=False, help="Whether numbers are sent in clear or only hashed.")
    ] = Disclosure.HASHED,
    transfer_ground: Annotated[str | None, typer.Option(help="Legal basis of a transfer abroad.")] = None,
    starts_at: Annotated[
        str | None, typer.Option(help="The agreed start: a date (UTC) or a time with its offset. Unset: now.")
    ] = None,
    ends_at: Annotated[str | None, typer.Option(help="The agreed end: a date (UTC) or a time with its offset.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a provider participate in fraud signals, on terms that were signed on paper."""
    from cli.lookups import get_member
    from cli.session import Session, run_session
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.participations.agreements import start_participation
    from ledger.participations.table import Participation
    from ledger.participations.terms import Terms
    from ledger.signals.filling import fill_keys

    operator = name_operator(reason)
    signed = Terms(
        terms_reference=terms,
        categories=tuple(category or Category),
        purpose=purpose,
        controller_roles=roles,
        disclosure=disclosure,
        transfer_ground=transfer_ground,
        starts_at=parse_moment(starts_at) if starts_at else None,
        ends_at=parse_moment(ends_at) if ends_at else None,
    )

    async def work(session: Session) -> Participation:
        async with session.writing() as tx:
            made = await start_participation(tx, (await get_member(tx, member)).id, signed, fill=fill_keys)
            await record_act(tx, operator, Act.PARTICIPATION_STARTED, subject=Subject.PARTICIPATION, subject_id=made.id)
            return made

    started = run_session(work)
    print_result(
        started,
        {"id": started.id, "member": member, "state": started.state.value, "numbers": disclosure.value},
        as_json=as_json,
    )


@participations.command("end", epilog="Example: jembatan participation end a-messenger --reason provider_left")
def end(
    *,
    member: MemberArgument,
    reason: Annotated[PartingReason, typer.Option(case_sensitive=False, help="Why it ends.")],
    as_json: JsonFlag = False,
) -> None:
    """End a provider's participation now, in force or agreed; its streams of signals end too."""
    import ledger.referrals.ending  # noqa: F401 - it withdraws what the provider was asked
    from cli.failures import NameUnknownError
    from cli.lookups import get_member
    from cli.session import Session, run_session
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.pages import PageRequest
    from ledger.participations.agreements import end_participation
    from ledger.participations.reading import ParticipationFilter, list_participations
    from ledger.participations.states import ParticipationState
    from ledger.participations.table import Participation

    operator = name_operator(reason.value)

    async def work(session: Session) -> Participation:
        async with session.writing() as tx:
            provider = await get_member(tx, member)
            newest = (
                await list_participations(tx, PageRequest(first=1), ParticipationFilter(member_id=provider.id))
            ).items
            if not newest or newest[0].state is ParticipationState.ENDED:
                raise NameUnknownError(
                    f"The member {member!r} doesn't participate in fraud signals.",
                    hint="`jembatan participation list` shows all.",
                )
            ended = await end_participation(tx, newest[0].id, reason)
            await record_act(tx, operator, Act.PARTICIPATION_ENDED, subject=Subject.PARTICIPATION, subject_id=ended.id)
            return ended

    ended = run_session(work)
    print_result(
        ended, {"id": ended.id, "member": member, "state": ended.state.value, "reason": reason.value}, as_json=as_json
    )


@participations.command("list", epilog="Example: jembatan participation list --json")
def list_all(
    *,
    awaiting_deletion: Annotated[
        bool, typer.Option(help="Only those that ended and whose provider has not confirmed what it deleted.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List participations, newest first."""
    from cli.lookups import read_pages
    from cli.session import Session, run_session
    from ledger.members.reading import load_members
    from ledger.participations.reading import ParticipationFilter, list_participations
    from ledger.participations.table import Participation

    async def work(session: Session) -> list[tuple[str, Participation]]:
        async with session.reading() as tx:
            wanted = ParticipationFilter(awaits_deletion=awaiting_deletion or None)
            found = await read_pages(lambda page: list_participations(tx, page, wanted))
            known = await load_members(tx, [item.member_id for item in found])
        return [(known[item.member_id].slug, item) for item in found]

    listed = run_session(work)
    if as_json:
        print_json([item for _, item in listed])
        return
    titles = ("member", "state", "numbers", "terms", "agreed on", "began", "ended", "deletion confirmed")
    rows = [
        (
            slug,
            item.state.value,
            item.disclosure.value,
            item.terms_reference,
            item.agreed_on.value,
            item.began_at,
            item.ended_at,
            item.deletion_confirmed_at,
        )
        for slug, item in listed
    ]
    print_table("", titles, rows)
