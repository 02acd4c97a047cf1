"""`jembatan statistics` and `jembatan recount`: what the running counts tell, and whether they are right."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import Reason, name_operator
from cli.printing import JsonFlag, note, print_json, print_table
from cli.times import parse_day

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.facts import Period
    from ledger.statistics import Group, Statistics
    from ledger.storage.recounts import Recount

_DAYS = 30
_SHOWN_MAX = 10
_FIGURES = ("received", "verified", "rejected", "forwarded")
_ORDER_FIGURES = (
    "issued", "executed", "executed_on_time", "late", "open", "overdue", "median_seconds", "p95_seconds",
)  # fmt: skip
_TITLES = (
    *_FIGURES, "issued", "executed", "on time", "late", "open", "overdue", "median s to block", "p95 s to block",
)  # fmt: skip


def statistics(
    *,
    from_: Annotated[
        date | None,
        typer.Option(
            "--from", parser=parse_day, metavar="DAY", help=f"The first legal day (WIB). Unset: {_DAYS} days in all."
        ),
    ] = None,
    to: Annotated[
        date | None,
        typer.Option("--to", parser=parse_day, metavar="DAY", help="The last legal day (WIB). Unset: today."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how many complaints and orders there were in a period and what has become of them by now.

    A complaint counts on the day on which it was received, an order on that of its issue. Times from issue to execution
    have an error of at most 5 %. Days without any are left out.
    """
    from cli.session import read_clock, run_session
    from ledger.facts import Period
    from ledger.legal_time import LEGAL_ZONE

    last = to or read_clock().astimezone(LEGAL_ZONE).date()
    period = Period(from_ or last - timedelta(days=_DAYS - 1), last)
    found, slugs = run_session(lambda session: _read(session, period))
    if as_json:
        carriers = [{"carrier": slugs.get(each.carrier_id or ""), **_select_values(each)} for each in found.by_carrier]
        print_json(
            {
                "from": period.first,
                "to": period.last,
                "asOf": found.as_of,
                "total": _select_values(found.total),
                "byDay": [{"day": each.day, **_select_values(each)} for each in found.by_day],
                "byCategory": [{"category": each.category, **_select_values(each)} for each in found.by_category],
                "byCarrier": carriers,
                "byRegion": [{"region": each.region, **_select_values(each)} for each in found.by_region],
            }
        )
        return
    print_table(f"{period.first} to {period.last}", _TITLES, [tuple(_list_figures(found.total))])
    for name, groups in (
        ("day", [(each.day, each) for each in found.by_day]),
        ("category", [(each.category, each) for each in found.by_category]),
        ("carrier", [(slugs.get(each.carrier_id or ""), each) for each in found.by_carrier]),
        ("region", [(each.region, each) for each in found.by_region]),
    ):
        print_table(f"By {name}", (name, *_TITLES), [(key, *_list_figures(each)) for key, each in groups])


def recount(
    *,
    mend: Annotated[bool, typer.Option("--mend", help="Correct what differs; needs --reason.")] = False,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Count orders and complaints anew, and tell where the running counts of totalCount and statistics differ.

    They differ only if somebody wrote rows with triggers off, such as a superuser who loaded a table: find out who.
    Exits with 1 if anything differs and was not mended. It reads every row, beside a running `serve`.
    """
    from cli.session import run_session

    operator = name_operator(reason)

    async def work(session: "Session") -> "list[Recount]":
        from ledger.feed.vocabulary import Subject
        from ledger.operator_acts.recording import record_act
        from ledger.operator_acts.vocabulary import Act
        from ledger.storage.recounts import recount_all
        from ledger.storage.roles import Role

        async with session.system(Role.VERIFIER) as tx:
            if mend:
                async with tx.role(Role.TRANSITION):
                    await record_act(tx, operator, Act.TALLIES_MENDED, subject=Subject.FEED, subject_id="tallies")
            return await recount_all(tx, mends=mend)

    found = run_session(work)
    differing = [each for each in found if each.differences]
    if as_json:
        print_json({"isMended": mend, "recounted": [each.name for each in found], "differing": differing})
    else:
        rows = [(each.name, len(each.differences)) for each in found]
        print_table("Counts that differ" + (", and were mended" if mend else ""), ("tally", "differing"), rows)
        for each in differing:
            columns = tuple(each.differences[0])
            shown = [tuple(row.values()) for row in each.differences[:_SHOWN_MAX]]
            print_table(f"{each.name} lacks", columns, shown)
        if not differing:
            note("Every count is right.")
    if differing and not mend:
        raise typer.Exit(1)


async def _read(session: "Session", period: "Period") -> "tuple[Statistics, dict[str, str]]":
    from cli.lookups import get_regulator_viewer
    from ledger.members.reading import load_members
    from ledger.statistics import read_statistics

    async with session.reading() as tx:
        viewer = await get_regulator_viewer(tx)
    async with session.reading(viewer) as tx:
        found = await read_statistics(tx, period)
        members = await load_members(tx, sorted(each.carrier_id for each in found.by_carrier if each.carrier_id))
    return found, {member.id: member.slug for member in members.values()}


def _select_values(group: "Group") -> dict[str, object]:
    return {"complaints": group.complaints, "orders": group.orders}


def _list_figures(group: "Group") -> Iterator[object]:
    for figures, names in ((group.complaints, _FIGURES), (group.orders, _ORDER_FIGURES)):
        yield from (None if figures is None else getattr(figures, name) for name in names)
