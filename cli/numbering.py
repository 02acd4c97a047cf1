"""`jembatan numbering`: the numbering plan, from a CSV file or from public data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.files import open_input
from cli.printing import JsonFlag, note, print_json, print_record

if TYPE_CHECKING:
    from ledger.numbers.plan import PlanAccount
    from ledger.numbers.ranges import RangeDraft

numbering = typer.Typer(no_args_is_help=True, help="Load the numbering plan.")


@numbering.command("load", epilog="Examples: jembatan numbering load --seed\n\njembatan numbering load plan.csv")
def load(
    *,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A plan in CSV; - is standard input.")] = None,
    seed: Annotated[
        bool, typer.Option("--seed", help="The public Indonesian plan: libphonenumber's carriers, brands, area codes.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Load ranges into the numbering plan and update the holders of known numbers. Safe to repeat.

    Columns of the file: prefix, kind, holder, holder_name, brand, valid_from, valid_until. Holder and brand are slugs;
    times are ISO 8601 with their zone.
    """
    from cli.session import Session, run_session
    from ledger.numbers.plan import PlanAccount, load_plan
    from ledger.numbers.plan_seed import seed_ranges

    if (file is None) == (not seed):
        raise typer.BadParameter("Give either a file or --seed.")
    ranges = seed_ranges() if file is None else _read_plan(file)

    async def work(session: Session) -> PlanAccount:
        async with session.writing() as tx:
            return await load_plan(tx, ranges)

    _tell(run_session(work), as_json=as_json)


def _tell(account: "PlanAccount", *, as_json: bool) -> None:
    if as_json:
        print_json(account)
        return
    print_record(
        {
            "ranges read": account.read_count,
            "new or changed": account.written_count,
            "numbers whose holder changed": account.numbers_moved_count,
        }
    )
    if account.unknown_holder_slugs:
        note(
            f"Holders that are not carriers here, kept by name: {', '.join(account.unknown_holder_slugs)}. "
            "Numbers that they hold are HOLDER_UNKNOWN until they are admitted and the plan is loaded again."
        )


def _read_plan(path: Path) -> "list[RangeDraft]":
    """Read the ranges of a file. Errors: FileUnreadableError, PlanInvalidError."""
    from ledger.numbers.plan_files import read_plan

    with open_input(path) as stream:
        return read_plan(stream)
