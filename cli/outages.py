"""`jembatan outage`: declare when members could not reach the gateway, which it can't notice itself; list outages."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import ReasonNeeded, name_operator
from cli.printing import JsonFlag, note, print_json, print_table
from cli.times import parse_moment

if TYPE_CHECKING:
    from ledger.outages.table import Outage

outages = typer.Typer(no_args_is_help=True, help="Record when members could not reach the gateway.")


@outages.command(
    "declare",
    epilog="Example: jembatan outage declare --from 2026-11-08T10:00+07:00 --to 2026-11-08T11:30+07:00 "
    '--reason "The data centre had no connection to the internet."',
)
def declare(
    *,
    from_: Annotated[
        datetime, typer.Option("--from", parser=parse_moment, metavar="TIME", help="When it began, with its offset.")
    ],
    to: Annotated[
        datetime, typer.Option("--to", parser=parse_moment, metavar="TIME", help="When it was over, with its offset.")
    ],
    reason: ReasonNeeded,
    as_json: JsonFlag = False,
) -> None:
    """Record an outage that is over, and extend the due time of every order that ran during it.

    Every member reads the reason: name what could not be reached, and nobody. Times that were recorded before are left
    out, so that repeating it changes nothing. It can't be taken back.
    """
    from cli.session import Session, run_session
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.outages.recording import declare_outage

    operator = name_operator(reason)

    async def work(session: Session) -> "list[Outage]":
        async with session.writing() as tx:
            recorded = await declare_outage(tx, from_, to, reason=reason)
            for outage in recorded:
                await record_act(tx, operator, Act.OUTAGE_DECLARED, subject=Subject.OUTAGE, subject_id=outage.id)
            return recorded

    recorded = run_session(work)
    if not recorded and not as_json:
        note("All of it was recorded before; nothing has changed.")
    _print(recorded, as_json=as_json)


@outages.command("list", epilog="Example: jembatan outage list --json")
def list_(*, as_json: JsonFlag = False) -> None:
    """List the outages that are recorded, the latest first."""
    from cli.lookups import read_pages
    from cli.session import Session, run_session
    from ledger.outages.reading import list_outages

    async def work(session: Session) -> "list[Outage]":
        async with session.reading() as tx:
            return list(await read_pages(lambda page: list_outages(tx, page)))

    _print(run_session(work), as_json=as_json)


def _print(found: "list[Outage]", *, as_json: bool) -> None:
    if as_json:
        print_json({"outages": found})
        return
    rows = [(each.starts_at, each.ends_at, each.cause.value, each.reason) for each in found]
    print_table("Outages", ("from", "to", "cause", "reason"), rows)
