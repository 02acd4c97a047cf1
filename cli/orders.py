"""`jembatan orders`: a carrier's orders as a file for when its system is down, and what waits for a second officer.

It reads, and approves nothing: an approval needs an officer's own token.
"""

import csv
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import Reason, name_operator
from cli.files import open_output
from cli.printing import JsonFlag, note, print_json, print_table
from ledger.orders.states import AWAITING_CARRIER, OrderState

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.orders.table import BlockOrder
    from ledger.viewer import Viewer

orders = typer.Typer(no_args_is_help=True, help="Export a carrier's block orders, and read what waits for an officer.")

CarrierOption = Annotated[str, typer.Option(help="The carrier's slug.")]
BrandOption = Annotated[str | None, typer.Option(help="Only one of its brands, by slug.")]


@orders.command("export", epilog="Example: jembatan orders export --carrier telkomsel --output orders.csv")
def export_orders(
    *,
    carrier: CarrierOption,
    brand: BrandOption = None,
    output: Annotated[Path | None, typer.Option(help="The file to write. Unset: standard output.")] = None,
    state: Annotated[
        list[OrderState] | None,
        typer.Option(
            case_sensitive=False,
            help="Only orders in these states; may be repeated. Unset: those awaiting the carrier.",
        ),
    ] = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the orders that await a carrier as CSV, due soonest first, with empty columns for its answers.

    Fill in acknowledgement (RECEIVED, EXECUTED, PARTIAL, IMPOSSIBLE, EXTENSION_REQUESTED, LIFTED, LIFT_IMPOSSIBLE),
    reference (the carrier's ticket) and, where needed, reason, effective_at, until and note; then import the file. With
    --json the orders are written as one JSON array instead.
    """
    from cli.lookups import get_carrier_viewer
    from cli.session import run_session
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.orders.files import ANSWER_COLUMNS, ORDER_COLUMNS, render_order

    operator = name_operator(reason)
    states = tuple(state or sorted(AWAITING_CARRIER))

    async def work(session: "Session") -> "tuple[list[BlockOrder], dict[str, str]]":
        # Before anything is read, as an officer's reading is recorded before its answer leaves.
        async with session.writing() as tx:
            viewer = await get_carrier_viewer(tx, carrier, brand_slug=brand)
            carrier_id = viewer.member_id or ""
            await record_act(tx, operator, Act.ORDERS_EXPORTED, subject=Subject.MEMBER, subject_id=carrier_id)
        return await _list_orders(session, viewer, states)

    found, brands = run_session(work)
    if as_json:
        print_json(found)
        return
    with open_output(output) as stream:
        writer = csv.writer(stream)
        writer.writerow((*ORDER_COLUMNS, *ANSWER_COLUMNS))
        writer.writerows(render_order(order, brand=brands.get(order.brand_id or "")) for order in found)
    note(f"{len(found)} orders written to {output or 'standard output'}.")


@orders.command("waiting", epilog="Example: jembatan orders waiting")
def list_waiting(*, as_json: JsonFlag = False) -> None:
    """List what waits for a second officer, each with the hash of its content that an approval or confirmation names.

    DRAFT is an order that was drafted, NEXT_VERSION and LIFT are proposals of issued orders, and CONFIRMATION is what
    one officer issued alone in an emergency.
    """
    from cli.session import run_session

    found = run_session(_read_waiting)
    if as_json:
        print_json(found)
        return
    columns = ("order", "number", "waits", "drafted", "confirmation due", "content hash")
    print_table("", columns, [tuple(line.values()) for line in found])


async def _read_waiting(session: "Session") -> "list[dict[str, object]]":
    from cli.lookups import get_regulator_viewer, read_pages
    from ledger.orders.content import hash_content
    from ledger.orders.proposals import load_pending_proposals
    from ledger.orders.reading import OrderFilter, list_block_orders
    from ledger.orders.waiting import find_waiting

    async with session.reading() as tx:
        viewer = await get_regulator_viewer(tx)
    lines: list[dict[str, object]] = []
    async with session.reading(viewer) as tx:
        drafts = await read_pages(lambda page: list_block_orders(tx, page, OrderFilter(states=(OrderState.DRAFT,))))
        proposing = await read_pages(lambda page: list_block_orders(tx, page, OrderFilter(has_proposal=True)))
        pending = await load_pending_proposals(tx, [order.id for order in proposing])
        for order in (*drafts, *proposing):
            waiting = find_waiting(order, pending.get(order.id))
            if waiting is not None:
                waits = waiting.kind or OrderState.DRAFT
                lines.append(_line(order, waits, hash_content(waiting.order), drafted_at=waiting.drafted_at))
        unconfirmed = await read_pages(lambda page: list_block_orders(tx, page, OrderFilter(is_unconfirmed=True)))
    lines.extend(
        _line(order, "CONFIRMATION", hash_content(order), drafted_at=order.drafted_at) for order in unconfirmed
    )
    return lines


def _line(order: "BlockOrder", waits: str, content_hash: str, *, drafted_at: datetime) -> "dict[str, object]":
    return {
        "orderNo": order.order_no,
        "number": order.e164,
        "waits": str(waits),
        "draftedAt": drafted_at,
        "confirmationDueAt": order.confirmation_due_at,
        "contentHash": content_hash,
    }


@orders.command("content", epilog="Example: jembatan orders content O-2026-0000001 | sha256sum")
def print_content(
    order_no: Annotated[str, typer.Argument(help="The order's number.")],
    *,
    issued: Annotated[
        bool, typer.Option("--issued", help="The order as it was issued, although something is proposed for it.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print the canonical text of an order's content, exactly as it is hashed: that of its proposal if there is one."""
    from cli.session import run_session
    from ledger.canonical import hash_canonical

    async def work(session: "Session") -> str:
        from cli.lookups import get_regulator_viewer
        from ledger.orders.content import render_content
        from ledger.orders.proposals import load_pending_proposals
        from ledger.orders.reading import get_block_order
        from ledger.orders.waiting import find_waiting

        async with session.reading() as tx:
            viewer = await get_regulator_viewer(tx)
        async with session.reading(viewer) as tx:
            order = await get_block_order(tx, order_no=order_no)
            pending = await load_pending_proposals(tx, [order.id])
        waiting = None if issued else find_waiting(order, pending.get(order.id))
        return render_content(order if waiting is None else waiting.order)

    text = run_session(work)
    if as_json:
        print_json({"contentText": text, "contentHash": hash_canonical(text)})
        return
    sys.stdout.write(text)
    note(f"SHA-256: {hash_canonical(text)}")


async def _list_orders(
    session: "Session", viewer: "Viewer", states: Sequence[OrderState]
) -> "tuple[list[BlockOrder], dict[str, str]]":
    """Return the orders in one snapshot, and the slugs of their brands."""
    from cli.lookups import read_pages
    from ledger.members.reading import load_brands
    from ledger.orders.reading import OrderFilter, list_block_orders

    async with session.reading(viewer) as tx:
        found = await read_pages(lambda page: list_block_orders(tx, page, OrderFilter(states=tuple(states))))
        brand_ids = {order.brand_id for order in found if order.brand_id is not None}
        brands = await load_brands(tx, sorted(brand_ids))
    return found, {brand_id: brand.slug for brand_id, brand in brands.items()}
