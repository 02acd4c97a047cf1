"""`jembatan reassignments`: numbers that a carrier gave to other subscribers, from a file, and what became of them.

Each is reported under the carrier's own view, as if its system had sent it. An officer confirms it by their token.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.acting import Reason, name_operator
from cli.files import EncodingOption, open_input
from cli.orders import BrandOption, CarrierOption
from cli.printing import JsonFlag, note, print_json, print_record, print_table
from cli.refused_rows import end_with_refused
from cli.times import DayFirstFlag, TimezoneOption, parse_times
from ledger.reassignments.states import ReportState

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.errors import Problem
    from ledger.operator_acts.recording import Operator
    from ledger.reassignments.files import ReassignmentRow
    from ledger.reassignments.reporting import ReportedReassignment
    from ledger.spreadsheets import FileRows
    from ledger.storage.database import Transaction
    from ledger.viewer import Viewer

reassignments = typer.Typer(no_args_is_help=True, help="Report a carrier's reassigned numbers from a file.")

_BATCH = 1000


@reassignments.command("report", epilog="Example: jembatan reassignments report numbers.csv --carrier telkomsel")
def report(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Numbers in CSV; - is standard input.")],
    carrier: CarrierOption,
    brand: BrandOption = None,
    timezone: TimezoneOption = None,
    day_first: DayFirstFlag = False,
    encoding: EncodingOption = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Report that a carrier's numbers now belong to other subscribers. Safe to repeat; an officer confirms each.

    Columns of the file: number, reassigned_at. Exits with 1 if any row was refused.
    """
    from cli.lookups import get_carrier_viewer
    from cli.session import run_session
    from ledger.reassignments.files import read_reassignments

    operator = name_operator(reason)
    times = parse_times(timezone, day_first=day_first)
    with open_input(file) as stream:
        rows = read_reassignments(stream, times=times, encoding=encoding)

    async def work(session: "Session") -> "list[ReportedReassignment | Problem]":
        async with session.reading() as tx:
            viewer = await get_carrier_viewer(tx, carrier, brand_slug=brand)
        return await _report(session, viewer, rows.items, operator)

    _tell(rows, run_session(work), as_json=as_json)


@reassignments.command("list", epilog="Example: jembatan reassignments list --carrier telkomsel --state refused")
def list_reports(
    *,
    carrier: CarrierOption,
    brand: BrandOption = None,
    state: Annotated[
        list[ReportState] | None,
        typer.Option(case_sensitive=False, help="Only those in these states; may be repeated."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List a carrier's reports, newest first, with the officers' decisions."""
    from cli.lookups import get_carrier_viewer, read_pages
    from cli.session import run_session
    from ledger.reassignments.reading import ReportFilter, list_reassignment_reports

    async def work(session: "Session") -> Any:
        async with session.reading() as tx:
            viewer = await get_carrier_viewer(tx, carrier, brand_slug=brand)
        wanted = ReportFilter(states=tuple(state or ()))
        async with session.reading(viewer) as tx:
            return await read_pages(lambda page: list_reassignment_reports(tx, page, wanted))

    found = run_session(work)
    if as_json:
        print_json(found)
        return
    rows = [(item.e164, item.starts_at, item.state.value, item.refusal_reason) for item in found]
    print_table("Reassignments", ("number", "since", "state", "refused because"), rows)


async def _report(
    session: "Session", viewer: "Viewer", rows: "list[ReassignmentRow]", operator: "Operator"
) -> "list[ReportedReassignment | Problem]":
    """Report in batches, one transaction each; a command that was interrupted can be run again."""
    from cli.session import read_clock
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.reassignments.reporting import report_reassignments

    acted_for = viewer.member_id or ""
    results: list[ReportedReassignment | Problem] = []
    for start in range(0, len(rows), _BATCH):
        batch = rows[start : start + _BATCH]

        async def work(tx: "Transaction", batch: "list[ReassignmentRow]" = batch, *, is_first: bool = not start) -> Any:
            if is_first:
                await record_act(tx, operator, Act.REASSIGNMENTS_REPORTED, subject=Subject.MEMBER, subject_id=acted_for)
            return await report_reassignments(tx, [row.draft for row in batch])

        results.extend(await session.database.run(viewer, as_of=read_clock(), work=work))
    return results


def _tell(rows: "FileRows[ReassignmentRow]", results: "list[ReportedReassignment | Problem]", *, as_json: bool) -> None:
    from ledger.errors import Problem

    refused = [(row.line, item) for row, item in zip(rows.items, results, strict=True) if isinstance(item, Problem)]
    taken = [item for item in results if not isinstance(item, Problem)]
    if as_json:
        told = [{"line": line, "problem": item} for line, item in refused]
        print_json({"reported": taken, "refused": told, "blankRowsPassedOver": rows.blank_count})
    else:
        known = sum(item.was_known for item in taken)
        blank = {"blank rows passed over": rows.blank_count}
        print_record({"reported": len(taken) - known, "already reported": known, "refused": len(refused), **blank})
        note("Nothing has ended yet: an officer must confirm each report (confirmReassignments).")
    end_with_refused(refused)
