"""`jembatan referrals`: what providers are asked, read as the regulator; offers by an officer; responses from a file.

An offer is made in an officer's name. Responses are recorded under the provider's own view, as if its system had sent
them; importing the same file again records nothing twice.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.acting import Reason, name_operator
from cli.failures import FAILED, Failure, RelayedError
from cli.files import EncodingOption, open_input
from cli.printing import JsonFlag, note, print_json, print_record, print_table, show_progress
from cli.refused_rows import end_with_refused
from cli.times import DayFirstFlag, TimezoneOption, parse_times
from ledger.referrals.states import ReferralState
from ledger.vocabulary import Category

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.session import Session
    from ledger.accounts.table import Account
    from ledger.errors import Problem
    from ledger.members.table import Member
    from ledger.operator_acts.recording import Operator
    from ledger.referrals.files import ResponseRow
    from ledger.referrals.responses import AnsweredReferral
    from ledger.referrals.table import Referral, ReferralResponse
    from ledger.spreadsheets import FileRows
    from ledger.storage.database import Transaction
    from ledger.viewer import Viewer

referrals = typer.Typer(
    no_args_is_help=True, help="Offer referrals to providers, read them, and record responses from a file."
)

_BATCH = 1000
ProviderOption = Annotated[str, typer.Option(help="The provider's slug.")]


@referrals.command("list", epilog="Example: jembatan referrals list --provider a-messenger --state offered --json")
def list_(
    *,
    provider: Annotated[str | None, typer.Option(help="Only those offered to this provider, by its slug.")] = None,
    state: Annotated[
        list[ReferralState] | None,
        typer.Option(case_sensitive=False, help="Only those in these states; may be repeated."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List referrals, most recently offered first."""
    from cli.lookups import get_member, get_regulator_viewer, read_pages
    from cli.session import run_session
    from ledger.referrals.reading import ReferralFilter, list_referrals
    from ledger.viewer import MemberKind

    async def work(session: "Session") -> "tuple[list[Referral], dict[str, Account], dict[str, Member]]":
        async with session.reading() as tx:
            viewer = await get_regulator_viewer(tx)
            provider_id = (await get_member(tx, provider, MemberKind.OTT_PROVIDER)).id if provider else None
        wanted = ReferralFilter(states=tuple(state or ()), provider_id=provider_id)
        async with session.reading(viewer) as tx:
            found = await read_pages(lambda page: list_referrals(tx, page, wanted))
            return found, *await _load_named(tx, found)

    found, accounts, members = run_session(work)
    if as_json:
        print_json({"referrals": found})
        return
    rows = [
        (
            each.referral_no,
            members[each.provider_id].slug,
            _name_subject(each, accounts),
            each.category.value,
            each.state.value,
            each.action.value if each.action else None,
            each.offered_at,
            each.reply_hoped_by,
        )
        for each in found
    ]
    columns = ("referral", "provider", "about", "category", "state", "action", "offered", "reply hoped by")
    print_table("Referrals", columns, rows)


@referrals.command("show", epilog="Example: jembatan referrals show R-2026-0000001")
def show(
    referral_no: Annotated[str, typer.Argument(help="The referral's number.")], *, as_json: JsonFlag = False
) -> None:
    """Show one referral, with everything that its provider said."""
    from cli.lookups import get_regulator_viewer
    from cli.session import run_session
    from ledger.referrals.reading import get_referral_by_no, load_responses

    async def work(
        session: "Session",
    ) -> "tuple[Referral, Sequence[ReferralResponse], dict[str, Account], dict[str, Member]]":
        async with session.reading() as tx:
            viewer = await get_regulator_viewer(tx)
        async with session.reading(viewer) as tx:
            referral = await get_referral_by_no(tx, referral_no)
            responses = (await load_responses(tx, [referral.id]))[referral.id]
            return referral, responses, *await _load_named(tx, [referral])

    referral, responses, accounts, members = run_session(work)
    if as_json:
        print_json({"referral": referral, "responses": responses})
        return
    print_record(
        {
            "referral": referral.referral_no,
            "provider": members[referral.provider_id].slug,
            "about": _name_subject(referral, accounts),
            "category": referral.category.value,
            "summary": referral.summary,
            "complaints": referral.complaint_count,
            "state": referral.state.value,
            "offered": referral.offered_at,
            "reply hoped by": referral.reply_hoped_by,
            "answered": referral.answered_at,
            "withdrawn because": referral.withdrawal_reason.value if referral.withdrawal_reason else None,
        }
    )
    rows = [
        (
            each.recorded_at,
            each.kind.value,
            (each.action or each.reason),
            each.ground.value if each.ground else None,
            each.reference,
            each.mark.value if each.mark else None,
        )
        for each in responses
    ]
    print_table("Responses", ("recorded", "response", "action or reason", "ground", "reference", "mark"), rows)


@referrals.command(
    "offer",
    epilog="Example: jembatan referrals offer --officer ana --provider a-messenger --number +6281200000001 "
    '--summary "Prize fraud from this account."',
)
def offer(
    *,
    officer: Annotated[str, typer.Option(help="The login of the officer who offers.")],
    provider: ProviderOption,
    summary: Annotated[str, typer.Option(help="What the provider reads instead of the complaints.")],
    account: Annotated[str | None, typer.Option(help="An account, by its id.")] = None,
    number: Annotated[str | None, typer.Option(help="A number, as people write it.")] = None,
    complaint: Annotated[
        list[str] | None, typer.Option(help="A verified complaint by its id; may be repeated.")
    ] = None,
    category: Annotated[
        Category | None, typer.Option(case_sensitive=False, help="Unset: the complaints' most frequent one.")
    ] = None,
    reply_hoped_by: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day until which a reply is hoped for. Unset: as the policy says."),
    ] = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask a provider that takes part to look at one account, number, or what complaints are about. It obliges nobody.

    Name exactly one of --account, --number and --complaint. Exits with 1 if the offer was refused.
    """
    from cli.session import run_session
    from ledger.errors import Problem
    from ledger.referrals.offering import OfferDraft

    operator = name_operator(reason)

    def make_draft(provider_id: str) -> OfferDraft:
        return OfferDraft(
            provider_id=provider_id,
            summary=summary,
            account_id=account,
            number=number,
            complaint_ids=tuple(complaint or ()),
            category=category,
            reply_hoped_by=reply_hoped_by.date() if reply_hoped_by is not None else None,
        )

    async def work(session: "Session") -> "Referral | Problem":
        from cli.lookups import get_member, get_officer_viewer
        from cli.session import read_clock
        from ledger.feed.vocabulary import Subject
        from ledger.operator_acts.recording import record_act
        from ledger.operator_acts.vocabulary import Act
        from ledger.referrals.offering import offer_referrals
        from ledger.viewer import OPERATOR, MemberKind

        as_of = read_clock()
        async with session.database.transaction(OPERATOR, as_of=as_of) as tx:
            viewer = await get_officer_viewer(tx, officer, scope="referrals:offer")
            draft = make_draft((await get_member(tx, provider, MemberKind.OTT_PROVIDER)).id)

        async def make(tx: "Transaction") -> "Referral | Problem":
            [made] = await offer_referrals(tx, [draft])
            if not isinstance(made, Problem):
                acted_for = viewer.officer_id or ""
                await record_act(tx, operator, Act.REFERRALS_OFFERED, subject=Subject.OFFICER, subject_id=acted_for)
            return made

        return await session.database.run(viewer, as_of=as_of, work=make)

    made = run_session(work)
    if isinstance(made, Problem):
        raise RelayedError(Failure(lines=((made.code, made.message, made.hint),), exit_code=FAILED))
    if as_json:
        print_json(made)
        return
    print_record({"referral": made.referral_no, "id": made.id, "reply hoped by": made.reply_hoped_by})
    note("The provider may answer, or not; nothing follows from it but a lapse.")


@referrals.command(
    "respond",
    epilog="Example: jembatan referrals respond answers.csv --provider a-messenger --timezone Asia/Jakarta --json",
)
def respond(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The responses as CSV; - is standard input.")],
    provider: ProviderOption,
    timezone: TimezoneOption = None,
    day_first: DayFirstFlag = False,
    encoding: EncodingOption = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Record what a provider answered, row by row. A file that can't be read to its end records nothing.

    Columns: referral_no, response (RECEIVED, ACTIONED, DECLINED, NO_ACCOUNT, REVERSED), reference and, where they
    apply, action, ground, reason, effective_at and note. Safe to repeat. Exits with 1 if any row was refused.
    """
    from cli.session import run_session
    from ledger.referrals.files import read_responses

    operator = name_operator(reason)
    times = parse_times(timezone, day_first=day_first)
    with open_input(file) as stream:
        rows = read_responses(stream, times=times, encoding=encoding)

    async def work(session: "Session") -> "list[tuple[ResponseRow, AnsweredReferral | Problem]]":
        from cli.lookups import get_member, viewer_of
        from ledger.viewer import MemberKind

        async with session.reading() as tx:
            viewer = viewer_of(await get_member(tx, provider, MemberKind.OTT_PROVIDER))
        return await _respond(session, viewer, [row for row in rows.items if row.content is not None], operator)

    _tell_answered(rows, run_session(work), as_json=as_json)


async def _respond(
    session: "Session", viewer: "Viewer", rows: "list[ResponseRow]", operator: "Operator"
) -> "list[tuple[ResponseRow, AnsweredReferral | Problem]]":
    """Record the filled-in rows, one batch per transaction; an interrupted command can be run again."""
    from cli.session import read_clock
    from ledger.errors import Problem
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.referrals.responses import respond_to_referrals

    acted_for = viewer.member_id or ""
    results: list[tuple[ResponseRow, AnsweredReferral | Problem]] = []
    readable: list[tuple[ResponseRow, Any]] = []
    for row in rows:
        if isinstance(row.content, Problem):
            results.append((row, row.content))
        else:
            readable.append((row, row.content))
    with show_progress("Recording", total=len(readable)) as progress:
        for start in range(0, len(readable), _BATCH):
            batch = readable[start : start + _BATCH]

            async def work(
                tx: "Transaction", batch: list[tuple[Any, Any]] = batch, *, is_first: bool = not start
            ) -> list[Any]:
                if is_first:
                    await record_act(
                        tx, operator, Act.REFERRAL_RESPONSES_IMPORTED, subject=Subject.MEMBER, subject_id=acted_for
                    )
                return await respond_to_referrals(tx, [draft for _, draft in batch])

            said = await session.database.run(viewer, as_of=read_clock(), work=work)
            results.extend((row, result) for (row, _), result in zip(batch, said, strict=True))
            progress.advance(len(batch))
    return sorted(results, key=lambda result: result[0].line)


def _tell_answered(
    rows: "FileRows[ResponseRow]", results: "list[tuple[ResponseRow, AnsweredReferral | Problem]]", *, as_json: bool
) -> None:
    from ledger.errors import Problem

    refused = [(row.line, result) for row, result in results if isinstance(result, Problem)]
    taken = [result for _, result in results if not isinstance(result, Problem)]
    known = sum(result.was_known for result in taken)
    counts = {
        "recorded": len(taken) - known,
        "already recorded": known,
        "not filled in": len(rows.items) - len(results),
        "refused": len(refused),
        "blank rows passed over": rows.blank_count,
    }
    if as_json:
        print_json(
            {
                "responses": [result.response for result in taken],
                "recorded": counts["recorded"],
                "alreadyRecorded": known,
                "notFilledIn": counts["not filled in"],
                "refused": [{"line": line, "problem": problem} for line, problem in refused],
                "blankRowsPassedOver": rows.blank_count,
            }
        )
    else:
        print_record(counts)
    end_with_refused(refused)


async def _load_named(tx: "Transaction", found: "Sequence[Referral]") -> "tuple[dict[str, Account], dict[str, Member]]":
    """The accounts that the referrals are about, and the providers that are asked."""
    from ledger.accounts.reading import load_accounts
    from ledger.members.reading import load_members

    account_ids = sorted({each.account_id for each in found if each.account_id is not None})
    return (
        dict(await load_accounts(tx, account_ids)),
        dict(await load_members(tx, sorted({each.provider_id for each in found}))),
    )


def _name_subject(referral: "Referral", accounts: "dict[str, Account]") -> str:
    account = accounts.get(referral.account_id or "")
    if account is None:
        return referral.e164 or ""
    return f"{account.other_name or account.platform.value} {account.handle}"
