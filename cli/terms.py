"""`jembatan participation`, the rest: the terms that both sides sign, published, offered and read as the operator.

The operator signs for nobody: that takes an officer of each side with a token of their own, at the graph or with
`jembatan sign`.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import ReasonNeeded, name_operator
from cli.participations import MemberArgument, participations
from cli.printing import JsonFlag, note, print_json, print_result, print_table
from cli.times import parse_moment
from ledger.participations.vocabulary import Disclosure, PermittedUse, TransferBasis
from ledger.vocabulary import Category

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.participations.signing_table import ParticipationProposal, PublishedTerms

__all__ = ["participations"]

ProposalArgument = Annotated[str, typer.Argument(metavar="PROPOSAL", help="The proposal's id.")]


@participations.command(
    "publish",
    epilog="Example: jembatan participation publish id=terms.id.txt en=terms.en.txt --reason 'Decided on 3 May'",
)
def publish(
    *,
    texts: Annotated[
        list[str], typer.Argument(metavar="LANGUAGE=FILE...", help="The text in each language; the first prevails.")
    ],
    reason: ReasonNeeded,
    as_json: JsonFlag = False,
) -> None:
    """Publish the next version of the terms that providers and the regulator sign. It can't be changed afterwards."""
    from cli.session import run_session
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.participations.publishing import LanguageText, publish_terms

    operator = name_operator(reason)
    given = [_read_text(each) for each in texts]

    async def work(session: "Session") -> "PublishedTerms":
        async with session.writing() as tx:
            made = await publish_terms(tx, [LanguageText(language=language, text=said) for language, said in given])
            subject = Subject.PARTICIPATION_TERMS
            await record_act(tx, operator, Act.TERMS_PUBLISHED, subject=subject, subject_id=made.id)
            return made

    published = run_session(work)
    shown = {"id": published.id, "version": published.version, "hash": published.terms_hash}
    print_result(shown, shown, as_json=as_json)


def _read_text(given: str) -> tuple[str, str]:
    """Errors: typer.BadParameter."""
    language, _, name = given.partition("=")
    try:
        return language, Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{given!r} is not LANGUAGE=FILE with a text in UTF-8.") from error


@participations.command("terms", epilog="Example: jembatan participation terms --json")
def list_versions(*, as_json: JsonFlag = False) -> None:
    """List the published versions of the terms, the newest first."""
    from cli.lookups import read_pages
    from cli.session import run_session
    from ledger.participations.reading import list_terms

    async def work(session: "Session") -> "list[PublishedTerms]":
        async with session.reading() as tx:
            return await read_pages(lambda page: list_terms(tx, page))

    found = run_session(work)
    if as_json:
        print_json(found)
        return
    print_table("", ("version", "hash", "published"), [(t.version, t.terms_hash, t.published_at) for t in found])


@participations.command("proposals", epilog="Example: jembatan participation proposals --json")
def list_all_proposals(*, as_json: JsonFlag = False) -> None:
    """List terms that were offered, asked for and signed, newest first."""
    from cli.lookups import read_pages
    from cli.session import run_session
    from ledger.members.reading import load_members
    from ledger.participations.reading import list_proposals

    async def work(session: "Session") -> "list[tuple[str, ParticipationProposal]]":
        async with session.reading() as tx:
            found = await read_pages(lambda page: list_proposals(tx, page))
            known = await load_members(tx, [item.member_id for item in found])
        return [(known[item.member_id].slug, item) for item in found]

    listed = run_session(work)
    if as_json:
        print_json([item for _, item in listed])
        return
    rows = [
        (slug, item.id, item.state.value, item.proposed_by.value, item.accepted_at, item.countersigned_at)
        for slug, item in listed
    ]
    print_table("", ("member", "id", "state", "proposed by", "accepted", "countersigned"), rows)


@participations.command(
    "offer",
    epilog='Example: jembatan participation offer a-messenger --purpose "Protect users from fraud" '
    '--roles "Each side is a controller of its own" --use review_accounts --use warn_users --retention-days 90 '
    '--transfer-basis binding_safeguards --transfer-ground "Clause 7" --breach-contact privacy@messenger.example '
    '--reason "Agreed in the meeting of 3 May"',
)
def offer(
    *,
    member: MemberArgument,
    purpose: Annotated[str, typer.Option(help="What the signals are for, in words.")],
    roles: Annotated[str, typer.Option(help="Each side's role and responsibility for the data.")],
    use: Annotated[
        list[PermittedUse], typer.Option(case_sensitive=False, help="What the provider may do; may be repeated.")
    ],
    retention_days: Annotated[int, typer.Option(help="How many days the provider may keep what it is sent.")],
    transfer_basis: Annotated[
        TransferBasis, typer.Option(case_sensitive=False, help="The legal ground of a transfer abroad.")
    ],
    breach_contact: Annotated[str, typer.Option(help="Whom to reach at the provider about a breach.")],
    reason: ReasonNeeded,
    transfer_ground: Annotated[
        str | None, typer.Option(help="More about that ground; needed unless nothing leaves the country.")
    ] = None,
    category: Annotated[
        list[Category] | None, typer.Option(case_sensitive=False, help="May be repeated. Unset: all.")
    ] = None,
    disclosure: Annotated[
        Disclosure, typer.Option(case_sensitive=False, help="Whether numbers are sent in clear or only hashed.")
    ] = Disclosure.HASHED,
    starts_at: Annotated[
        str | None, typer.Option(help="The start: a date (UTC) or a time with its offset. Unset: once both signed.")
    ] = None,
    ends_at: Annotated[str | None, typer.Option(help="The end: a date (UTC) or a time with its offset.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Offer a provider terms to sign under the newest version, also to renew or widen those in force.

    Nothing is in force before the provider's signatory has accepted them and an officer of the regulator has
    countersigned.
    """
    from cli.lookups import get_member
    from cli.session import run_session
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.participations.signing import offer_participation
    from ledger.participations.terms import Terms

    operator = name_operator(reason)
    content = Terms(
        terms_reference="",
        categories=tuple(category or Category),
        purpose=purpose,
        controller_roles=roles,
        disclosure=disclosure,
        permitted_uses=tuple(use),
        retention_days=retention_days,
        transfer_basis=transfer_basis,
        transfer_ground=transfer_ground,
        breach_contact=breach_contact,
        starts_at=parse_moment(starts_at) if starts_at else None,
        ends_at=parse_moment(ends_at) if ends_at else None,
    )

    async def work(session: "Session") -> "ParticipationProposal":
        async with session.writing() as tx:
            made = await offer_participation(tx, (await get_member(tx, member)).id, content)
            subject = Subject.PARTICIPATION_PROPOSAL
            await record_act(tx, operator, Act.TERMS_OFFERED, subject=subject, subject_id=made.id)
            return made

    offered = run_session(work)
    shown = {"id": offered.id, "member": member, "state": offered.state.value, "contentHash": offered.content_hash}
    print_result(offered, shown, as_json=as_json)


@participations.command(
    "withdraw",
    epilog="Example: jembatan participation withdraw 01900000-0000-7000-8000-000000000001 --reason 'A wrong end'",
)
def withdraw(*, proposal: ProposalArgument, reason: ReasonNeeded, as_json: JsonFlag = False) -> None:
    """Take back what was offered to a provider, as long as it has not signed. What it signed, an officer refuses."""
    from cli.session import run_session
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.participations.signing import withdraw_participation

    operator = name_operator(reason)

    async def work(session: "Session") -> "ParticipationProposal":
        async with session.writing() as tx:
            ended = await withdraw_participation(tx, proposal)
            subject = Subject.PARTICIPATION_PROPOSAL
            await record_act(tx, operator, Act.TERMS_WITHDRAWN, subject=subject, subject_id=ended.id)
            return ended

    ended = run_session(work)
    print_result(ended, {"id": ended.id, "state": ended.state.value}, as_json=as_json)


@participations.command(
    "content",
    epilog="Example: jembatan participation content 01900000-0000-7000-8000-000000000001 | sha256sum",
)
def print_content(*, proposal: ProposalArgument, as_json: JsonFlag = False) -> None:
    """Print the canonical text of what a proposal has both sides sign, exactly as it is hashed."""
    from cli.session import run_session
    from ledger.errors import UnknownError
    from ledger.identifiers import ParticipationProposalId
    from ledger.participations.reading import load_proposals

    async def work(session: "Session") -> "ParticipationProposal":
        async with session.reading() as tx:
            found = list((await load_proposals(tx, [ParticipationProposalId(proposal)])).values())
        if not found:
            raise UnknownError(field="proposal")
        return found[0]

    found = run_session(work)
    if as_json:
        print_json({"contentText": found.content_text, "contentHash": found.content_hash})
        return
    sys.stdout.write(found.content_text)
    note(f"SHA-256: {found.content_hash}")
