"""`jembatan orders`: what a carrier's system would fetch, as a file for when that system is down."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.files import open_output
from cli.printing import JsonFlag, note, print_json
from ledger.orders.states import AWAITING_CARRIER, OrderState

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.orders.table import BlockOrder
    from ledger.viewer import Viewer

orders = typer.Typer(no_args_is_help=True, help="Export a carrier's block orders to a file.")

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
    as_json: JsonFlag = False,
) -> None:
    """Write the orders that await a carrier as CSV, due soonest first, with empty columns for its answers.

    Fill in acknowledgement (RECEIVED, EXECUTED, PARTIAL, IMPOSSIBLE, EXTENSION_REQUESTED, LIFTED, LIFT_IMPOSSIBLE),
    reference (the carrier's ticket) and, where needed, reason, effective_at, until and note; then import the file. With
    --json the orders are written as one JSON array instead.
    """
    from cli.lookups import get_carrier_viewer
    from cli.session import run_session
    from ledger.orders.files import ANSWER_COLUMNS, ORDER_COLUMNS, render_order

    states = tuple(state or sorted(AWAITING_CARRIER))

    async def work(session: "Session") -> "tuple[list[BlockOrder], dict[str, str]]":
        async with session.reading() as tx:
            viewer = await get_carrier_viewer(tx, carrier, brand_slug=brand)
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
