"""`jembatan orders export` and `jembatan acknowledgements import`: a carrier's day without its system.

Both act in the carrier's own view: the file holds what its system would fetch, and each answer is recorded as its
system would have sent it. Importing the same file again records nothing twice.
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.failures import FAILED, FileUnwritableError
from cli.printing import JsonFlag, note, plain, print_json, print_record, show_progress
from ledger.orders.states import AWAITING_CARRIER, OrderState

if TYPE_CHECKING:
    from cli.order_files import AnswerRow
    from cli.session import Session
    from ledger.errors import Problem
    from ledger.orders.table import BlockOrder
    from ledger.storage.database import Transaction
    from ledger.viewer import Viewer

orders = typer.Typer(no_args_is_help=True, help="Export a carrier's block orders to a file.")
acknowledgements = typer.Typer(no_args_is_help=True, help="Import a carrier's acknowledgements from a file.")

CarrierOption = Annotated[str, typer.Option(help="The carrier's slug.")]
BrandOption = Annotated[str | None, typer.Option(help="Only one of its brands, by slug.")]
_PAGE = 500
_BATCH = 1000


@orders.command("export", epilog="Example: jembatan orders export --carrier telkomsel --output orders.csv")
def export_orders(
    *,
    carrier: CarrierOption,
    brand: BrandOption = None,
    output: Annotated[Path | None, typer.Option(help="The file to write. Unset: standard output.")] = None,
    state: Annotated[
        list[OrderState] | None,
        typer.Option(case_sensitive=False, help="Only orders in these states; repeat it. Unset: those that wait."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the orders that await a carrier as CSV, due soonest first, with empty columns for its answers.

    Fill in acknowledgement (RECEIVED, EXECUTED, PARTIAL, IMPOSSIBLE, EXTENSION_REQUESTED, LIFTED, LIFT_IMPOSSIBLE),
    reference (the carrier's ticket) and where needed reason, effective_at, until and note; then import the file.
    With --json the orders come as one JSON array instead.
    """
    from cli.order_files import ANSWER_COLUMNS, ORDER_COLUMNS, render_order
    from cli.session import read_clock, run_session

    states = tuple(state or sorted(AWAITING_CARRIER))

    async def work(session: "Session") -> "tuple[list[BlockOrder], dict[str, str]]":
        viewer = await _get_carrier(session, carrier, brand=brand)
        return await _list_orders(session, viewer, states)

    found, brands = run_session(work)
    if as_json:
        print_json([plain(order) for order in found])
        return
    as_of = read_clock()
    with _open_output(output) as stream:
        writer = csv.writer(stream)
        writer.writerow((*ORDER_COLUMNS, *ANSWER_COLUMNS))
        writer.writerows(render_order(order, brand=brands.get(order.brand_id or ""), as_of=as_of) for order in found)
    note(f"{len(found)} orders written to {output or 'standard output'}.")


@acknowledgements.command(
    "import",
    epilog="Example: jembatan acknowledgements import --carrier telkomsel orders.csv --timezone Asia/Jakarta "
    "--rejected rejected.csv",
)
def import_answers(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The filled-in file; - is standard input.")],
    carrier: CarrierOption,
    brand: BrandOption = None,
    timezone: Annotated[
        str | None, typer.Option(help="The zone of times that have none, such as Asia/Jakarta.")
    ] = None,
    rejected: Annotated[
        Path | None, typer.Option(help="Where refused rows go with line, code and message; mend and import them again.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Record what a carrier filled in, row by row. A file that can't be read to its end records nothing.

    Ends with 0 when every filled-in row was recorded, now or before, and with 1 when one was refused.
    """
    from cli.complaint_imports import open_input, read_zone
    from cli.order_files import FILE_BYTES_MAX, read_answers
    from cli.session import run_session

    zone = read_zone(timezone)
    with open_input(file) as stream:
        rows = read_answers(stream.read(FILE_BYTES_MAX + 1), zone=zone)

    async def work(session: "Session") -> AnswerAccount:
        viewer = await _get_carrier(session, carrier, brand=brand)
        return await _record(session, viewer, rows)

    account = run_session(work)
    if rejected is not None:
        _write_refused(rejected, account.refused)
    _tell(account, as_json=as_json)
    if account.refused:
        if rejected is None:
            for row, problem in account.refused[:_SHOWN]:
                note(f"Line {row.line}: {problem.code}: {problem.message}")
        raise typer.Exit(FAILED)


_SHOWN = 20


@dataclass(slots=True)
class AnswerAccount:
    """What an import came to: read = recorded + already recorded + not filled in + refused."""

    read: int = 0
    recorded: int = 0
    already_recorded: int = 0
    not_filled_in: int = 0
    late: int = 0
    unmoved: Counter[str] = field(default_factory=Counter)
    refused: "list[tuple[AnswerRow, Problem]]" = field(default_factory=list)


async def _get_carrier(session: "Session", slug: str, *, brand: str | None) -> "Viewer":
    from cli.lookups import get_brand, get_member, viewer_of
    from cli.session import read_clock
    from ledger.viewer import OPERATOR, MemberKind

    async with session.database.reading(OPERATOR, as_of=read_clock()) as tx:
        member = await get_member(tx, slug, MemberKind.CARRIER)
        return viewer_of(member, brand=await get_brand(tx, member, brand) if brand is not None else None)


async def _list_orders(
    session: "Session", viewer: "Viewer", states: Sequence[OrderState]
) -> "tuple[list[BlockOrder], dict[str, str]]":
    """The orders on one snapshot, and the slugs of their brands."""
    from cli.session import read_clock
    from ledger.members.admission import load_brands
    from ledger.orders.reading import OrderFilter, list_block_orders
    from ledger.pages import PageRequest

    found: list[BlockOrder] = []
    after: str | None = None
    async with session.database.reading(viewer, as_of=read_clock()) as tx:
        while True:
            page = await list_block_orders(tx, PageRequest(first=_PAGE, after=after), OrderFilter(states=tuple(states)))
            found.extend(page.items)
            if not page.has_next_page:
                break
            after = page.cursors[-1]
        brand_ids = {order.brand_id for order in found if order.brand_id is not None}
        brands = await load_brands(tx, sorted(brand_ids))
    return found, {brand_id: brand.slug for brand_id, brand in brands.items()}


async def _record(session: "Session", viewer: "Viewer", rows: "Sequence[AnswerRow]") -> AnswerAccount:
    """Record the filled-in rows, so many in a transaction; an interrupted import is run again."""
    from cli.session import read_clock
    from ledger.errors import Problem
    from ledger.orders.acknowledgements import acknowledge_block_orders

    account = AnswerAccount(read=len(rows))
    filled: list[tuple[Any, Any]] = []
    for row in rows:
        if row.content is None:
            account.not_filled_in += 1
        elif isinstance(row.content, Problem):
            account.refused.append((row, row.content))
        else:
            filled.append((row, row.content))
    with show_progress("Recording", total=len(filled)) as progress:
        for start in range(0, len(filled), _BATCH):
            batch = filled[start : start + _BATCH]

            async def work(tx: "Transaction", batch: list[tuple[Any, Any]] = batch) -> list[Any]:
                return await acknowledge_block_orders(tx, [draft for _, draft in batch])

            results = await session.database.run(viewer, as_of=read_clock(), work=work)
            for (row, _), result in zip(batch, results, strict=True):
                _enter(account, row, result)
            progress.advance(len(batch))
    account.refused.sort(key=lambda refusal: refusal[0].line)
    return account


def _enter(account: AnswerAccount, row: "AnswerRow", result: Any) -> None:
    from ledger.errors import Problem

    if isinstance(result, Problem):
        account.refused.append((row, result))
        return
    if result.was_known:
        account.already_recorded += 1
        return
    account.recorded += 1
    account.late += result.acknowledgement.is_late
    if result.acknowledgement.mark is not None:
        account.unmoved[result.acknowledgement.mark.value] += 1


def _tell(account: AnswerAccount, *, as_json: bool) -> None:
    reasons = dict(Counter(problem.code for _, problem in account.refused).most_common())
    if as_json:
        print_json(
            {
                "read": account.read,
                "recorded": account.recorded,
                "alreadyRecorded": account.already_recorded,
                "notFilledIn": account.not_filled_in,
                "rejected": len(account.refused),
                "rejectedByReason": reasons,
                "late": account.late,
                "movedNothing": dict(account.unmoved),
            }
        )
        return
    print_record(
        {
            "read": account.read,
            "recorded": account.recorded,
            "  of these late": account.late,
            **{f"  kept, moved nothing: {mark}": count for mark, count in account.unmoved.items()},
            "already recorded": account.already_recorded,
            "not filled in": account.not_filled_in,
            "rejected": len(account.refused),
            **{f"  {code}": count for code, count in reasons.items()},
        }
    )


def _write_refused(path: Path, refused: "Sequence[tuple[AnswerRow, Problem]]") -> None:
    columns = list(dict.fromkeys(name for row, _ in refused for name in row.cells))
    added = ("line", "code", "message", "hint")
    with _open_output(path) as stream:
        writer = csv.writer(stream)
        writer.writerow((*added, *(name for name in columns if name not in added)))
        for row, problem in refused:
            cells = (row.cells.get(name, "") for name in columns if name not in added)
            writer.writerow((row.line, problem.code, problem.message, problem.hint or "", *cells))


@contextmanager
def _open_output(path: Path | None) -> Iterator[Any]:
    """A text file to write CSV to, or standard output. Errors: FileUnwritableError."""
    if path is None:
        yield sys.stdout
        return
    try:
        stream = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise FileUnwritableError(f"{path} can't be written: {error.strerror}.") from error
    with stream:
        yield stream
