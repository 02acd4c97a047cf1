"""`jembatan forward`: a run that drafts block orders from verified complaints, in an officer's name.

It issues nothing: another officer approves the manifest, with their own token. `jembatan schedule` tells when the
gateway itself starts the next run.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.acting import Reason, name_operator
from cli.printing import JsonFlag, note, print_json, print_record, print_result, print_table
from ledger.orders.vocabulary import BlockScope
from ledger.vocabulary import Category

if TYPE_CHECKING:
    from cli.session import Session


def forward(
    *,
    officer: Annotated[str, typer.Option(help="The login of the officer who drafts.")],
    legal_basis: Annotated[str, typer.Option(help="The rule on which the orders are based.")],
    subscriber_notice: Annotated[str, typer.Option(help="What the subscriber is told: the reason and how to appeal.")],
    carrier: Annotated[str | None, typer.Option(help="Only this carrier's numbers, by its slug.")] = None,
    category: Annotated[
        list[Category] | None, typer.Option(case_sensitive=False, help="Only these categories; may be repeated.")
    ] = None,
    scope: Annotated[
        BlockScope, typer.Option(case_sensitive=False, help="How much of the line is blocked.")
    ] = BlockScope.OUTGOING_VOICE_SMS,
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="Most numbers in this run, oldest complaints first.")
    ] = 500,
    carrier_limit: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Most numbers of one carrier in this run.")
    ] = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Turn verified complaints into draft block orders, with a manifest for another officer to approve.

    The manifest lists what can't be ordered, with the reason: foreign, protected, unallocated, unknown holder.
    """
    from cli.lookups import get_member, get_officer_viewer
    from cli.session import read_clock, run_session
    from ledger.feed.vocabulary import Subject
    from ledger.forwarding.candidates import ForwardingRequest
    from ledger.forwarding.proposals import forward_complaints
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.database import Transaction
    from ledger.viewer import OPERATOR, MemberKind

    operator = name_operator(reason)

    async def work(session: "Session") -> tuple[Any, list[Any]]:
        as_of = read_clock()
        async with session.database.transaction(OPERATOR, as_of=as_of) as tx:
            viewer = await get_officer_viewer(tx, officer, scope="orders:draft")
            carrier_id = (await get_member(tx, carrier, MemberKind.CARRIER)).id if carrier is not None else None
        request = ForwardingRequest(
            legal_basis=legal_basis,
            subscriber_notice=subscriber_notice,
            scope=scope,
            categories=tuple(category or ()),
            carrier_id=carrier_id,
            limit=limit,
            carrier_limit=carrier_limit,
        )

        async def draft(tx: Transaction) -> Any:
            made = await forward_complaints(tx, request)
            acted_for = viewer.officer_id or ""
            await record_act(tx, operator, Act.COMPLAINTS_FORWARDED, subject=Subject.OFFICER, subject_id=acted_for)
            return made

        run = await session.database.run(viewer, as_of=as_of, work=draft)
        return run, await _read_manifest(session, viewer, run.id)

    run, items = run_session(work)
    if as_json:
        print_json({"run": run, "items": items})
        return
    rows = [
        (item.place, item.e164, item.result.value, item.complaint_count, item.complainant_count, item.hold_reasons)
        for item in items
    ]
    print_table("Manifest", ("place", "number", "result", "complaints", "complainants", "held because"), rows)
    print_record({"run": run.id, "manifest hash": run.manifest_hash, "complaints": run.complaint_count})
    note("Nothing is issued yet: another officer reads the manifest, computes the hash of its canonicalText,")
    note("and approves that hash with the mutation approveForwarding.")


def schedule(*, as_json: JsonFlag = False) -> None:
    """Show the schedule on which the gateway itself starts forwarding runs, and when the next is due."""
    from cli.session import run_session
    from ledger.forwarding.scheduling import get_schedule

    async def work(session: "Session") -> Any:
        async with session.reading() as tx:
            return await get_schedule(tx)

    found = run_session(work)
    standing = found.standing
    told = {
        "schedule": found.kind,
        "nextDueAt": found.next_due_at,
        "ranAt": standing.ran_at if standing is not None else None,
        "lastRunId": standing.last_run_id if standing is not None else None,
    }
    names = ("schedule", "next due at", "ran at", "last run")
    print_result(told, dict(zip(names, told.values(), strict=True)), as_json=as_json)


async def _read_manifest(session: "Session", viewer: Any, run_id: str) -> list[Any]:
    from cli.lookups import read_pages
    from ledger.forwarding.reading import list_forwarding_items

    async with session.reading(viewer) as tx:
        return await read_pages(lambda page: list_forwarding_items(tx, run_id, page))
