"""`jembatan numbering`: the numbering plan, from a CSV file or from public data, and overrides of single numbers.

An override is proposed here in an officer's name and never approved: another officer does that, with their own token.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.acting import Reason, name_operator
from cli.files import EncodingOption, open_input
from cli.printing import JsonFlag, note, plain, print_json, print_record, print_table
from cli.refused_rows import end_with_refused
from cli.times import DayFirstFlag, TimezoneOption, parse_times
from ledger.numbers.states import OverrideState
from ledger.text_files import Encoding
from ledger.written_times import FileTimes

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.errors import Problem
    from ledger.numbers.override_files import OverrideRow
    from ledger.numbers.override_rules import OverrideDraft
    from ledger.numbers.plan import PlanAccount
    from ledger.numbers.ranges import RangeDraft
    from ledger.numbers.table import OverrideProposal
    from ledger.operator_acts.recording import Operator
    from ledger.spreadsheets import FileRows
    from ledger.storage.database import Transaction
    from ledger.viewer import Viewer

numbering = typer.Typer(no_args_is_help=True, help="Load the numbering plan, and propose overrides of it.")

_BATCH = 1000


@numbering.command("load", epilog="Examples: jembatan numbering load --seed\n\njembatan numbering load plan.csv")
def load(
    *,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A plan in CSV; - is standard input.")] = None,
    seed: Annotated[
        bool, typer.Option("--seed", help="The public Indonesian plan: libphonenumber's carriers, brands, area codes.")
    ] = False,
    timezone: TimezoneOption = None,
    day_first: DayFirstFlag = False,
    encoding: EncodingOption = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Load ranges into the numbering plan and update the holders of known numbers. Safe to repeat.

    Columns of the file: prefix, kind, holder, holder_name, brand, valid_from, valid_until. Holder and brand are slugs;
    times have their offset from UTC, or --timezone says their zone.
    """
    from cli.session import Session, run_session
    from ledger.feed.vocabulary import Subject
    from ledger.numbers.plan import PlanAccount, load_plan
    from ledger.numbers.plan_seed import seed_ranges
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.spreadsheets import FileRows

    if (file is None) == (not seed):
        raise typer.BadParameter("Give either a file or --seed.")
    operator = name_operator(reason)
    times = parse_times(timezone, day_first=day_first)
    plan = FileRows(list(seed_ranges()), 0) if file is None else _read_plan(file, times, encoding)

    async def work(session: Session) -> PlanAccount:
        async with session.writing() as tx:
            account = await load_plan(tx, plan.items)
            await record_act(tx, operator, Act.NUMBERING_LOADED, subject=Subject.NUMBERING_PLAN, subject_id="plan")
            return account

    _tell(run_session(work), blank_count=plan.blank_count, as_json=as_json)


def _tell(account: "PlanAccount", *, blank_count: int, as_json: bool) -> None:
    if as_json:
        print_json(plain(account) | {"blankRowsPassedOver": blank_count})
        return
    print_record(
        {
            "ranges read": account.read_count,
            "new or changed": account.written_count,
            "numbers whose holder changed": account.numbers_moved_count,
            "blank rows passed over": blank_count,
        }
    )
    if account.unknown_holder_slugs:
        note(
            f"Holders that are not carriers here, kept by name: {', '.join(account.unknown_holder_slugs)}. "
            "Numbers that they hold are HOLDER_UNKNOWN until they are admitted and the plan is loaded again."
        )


def _read_plan(path: Path, times: FileTimes, encoding: Encoding | None) -> "FileRows[RangeDraft]":
    """Read the ranges of a file. Errors: FileUnreadableError, PlanInvalidError."""
    from ledger.numbers.plan_files import read_plan

    with open_input(path) as stream:
        return read_plan(stream, times=times, encoding=encoding)


@numbering.command("propose", epilog="Example: jembatan numbering propose overrides.csv --officer ana")
def propose(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Overrides in CSV; - is standard input.")],
    officer: Annotated[str, typer.Option(help="The login of the officer who proposes.")],
    timezone: TimezoneOption = None,
    day_first: DayFirstFlag = False,
    encoding: EncodingOption = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Propose that numbers are held by other carriers. Nothing moves until another officer approves.

    Columns of the file: number, holder, reason, brand, valid_from. Holder and brand are slugs; an empty valid_from is
    the time of the approval. Exits with 1 if any row was refused.
    """
    from cli.lookups import get_officer_viewer
    from cli.session import run_session
    from ledger.numbers.override_files import read_overrides

    operator = name_operator(reason)
    times = parse_times(timezone, day_first=day_first)
    with open_input(file) as stream:
        rows = read_overrides(stream, times=times, encoding=encoding)

    async def work(session: "Session") -> "list[OverrideProposal | Problem]":
        async with session.reading() as tx:
            viewer = await get_officer_viewer(tx, officer, scope="numbers:manage")
            drafts = await _name_holders(tx, rows.items)
        return await _propose(session, viewer, drafts, operator)

    _tell_proposed(rows, run_session(work), as_json=as_json)


@numbering.command("proposals", epilog="Example: jembatan numbering proposals --state proposed")
def list_proposals(
    *,
    state: Annotated[
        list[OverrideState] | None,
        typer.Option(case_sensitive=False, help="Only those in these states; may be repeated."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List proposed overrides, newest first, with the hash that an approval names."""
    from cli.lookups import read_pages
    from cli.session import run_session
    from ledger.canonical import hash_canonical
    from ledger.members.reading import load_members
    from ledger.numbers.override_reading import OverrideFilter, list_override_proposals
    from ledger.numbers.override_rules import render_override

    async def work(session: "Session") -> tuple[Any, Any]:
        wanted = OverrideFilter(states=tuple(state or ()))
        async with session.reading() as tx:
            found = await read_pages(lambda page: list_override_proposals(tx, page, wanted))
            ids = {str(each) for item in found for each in (item.holder_before_id, item.holder_id) if each}
            return found, await load_members(tx, sorted(ids))

    found, members = run_session(work)
    if as_json:
        print_json([{"proposal": item, "content": render_override(item)} for item in found])
        return
    slugs = {member_id: member.slug for member_id, member in members.items()}
    rows = [
        (item.e164, slugs.get(item.holder_before_id or ""), slugs.get(item.holder_id), item.state.value, item.reason,
         hash_canonical(render_override(item)))
        for item in found
    ]  # fmt: skip
    print_table("Overrides", ("number", "holder before", "holder", "state", "reason", "content hash"), rows)


async def _name_holders(tx: "Transaction", rows: "list[OverrideRow]") -> "list[OverrideDraft]":
    """Find the holders and brands that the rows name. Errors: NameUnknownError."""
    from cli.lookups import get_brand, get_member
    from ledger.numbers.override_rules import OverrideDraft
    from ledger.viewer import MemberKind

    members = {slug: await get_member(tx, slug, MemberKind.CARRIER) for slug in sorted({row.holder for row in rows})}
    named = sorted({(row.holder, row.brand) for row in rows if row.brand})
    brands = {(holder, brand): (await get_brand(tx, members[holder], brand)).id for holder, brand in named}
    return [
        OverrideDraft(
            number=row.number,
            holder_id=members[row.holder].id,
            reason=row.reason,
            brand_id=brands.get((row.holder, row.brand or "")),
            valid_from=row.valid_from,
        )
        for row in rows
    ]


async def _propose(
    session: "Session", viewer: "Viewer", drafts: "list[OverrideDraft]", operator: "Operator"
) -> "list[OverrideProposal | Problem]":
    """Propose in batches, one transaction each; a command that was interrupted can be run again."""
    from cli.session import read_clock
    from ledger.feed.vocabulary import Subject
    from ledger.numbers.overrides import propose_overrides
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act

    acted_for = viewer.officer_id or ""
    results: list[OverrideProposal | Problem] = []
    for start in range(0, len(drafts), _BATCH):
        batch = drafts[start : start + _BATCH]

        async def work(tx: "Transaction", batch: "list[OverrideDraft]" = batch, *, is_first: bool = not start) -> Any:
            if is_first:
                await record_act(tx, operator, Act.OVERRIDES_PROPOSED, subject=Subject.OFFICER, subject_id=acted_for)
            return await propose_overrides(tx, batch)

        results.extend(await session.database.run(viewer, as_of=read_clock(), work=work))
    return results


def _tell_proposed(
    rows: "FileRows[OverrideRow]", results: "list[OverrideProposal | Problem]", *, as_json: bool
) -> None:
    from ledger.errors import Problem

    refused = [(row.line, item) for row, item in zip(rows.items, results, strict=True) if isinstance(item, Problem)]
    proposed = [item for item in results if not isinstance(item, Problem)]
    if as_json:
        told = [{"line": line, "problem": item} for line, item in refused]
        print_json({"proposed": proposed, "refused": told, "blankRowsPassedOver": rows.blank_count})
    else:
        blank = {"blank rows passed over": rows.blank_count}
        print_record({"proposed": len(proposed), "refused": len(refused), **blank})
        note("Nothing has moved yet: another officer must approve each by its hash (approveNumberOverrides).")
    end_with_refused(refused)
