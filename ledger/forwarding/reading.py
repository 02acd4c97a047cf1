"""Reading forwarding runs and their manifests, which only the regulator may see."""

from collections.abc import Sequence

from ledger.errors import UnknownError
from ledger.forwarding.manifest import render_manifest
from ledger.forwarding.states import ForwardingState
from ledger.forwarding.table import ForwardingItem, ForwardingRun, forwarding_items, forwarding_runs
from ledger.identifiers import parse_id
from ledger.pages import Listing, Page, PageRequest, fetch_page, note_items
from ledger.permissions import require_regulator
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, load_records, select_records

_RUNS = Listing("forwarding_runs", ForwardingRun, ("-id",))
_ITEMS = Listing("forwarding_items", ForwardingItem, ("place",))


async def get_forwarding_run(tx: Transaction, run_id: str) -> ForwardingRun:
    """Return one run. Errors: ForbiddenError for any party but the regulator, UnknownError."""
    require_regulator(tx.viewer)
    known = parse_id(run_id)
    found = await load_records(tx, ForwardingRun, [known] if known else [])
    if known not in found:
        raise UnknownError(field="id")
    note_items(tx, ForwardingRun, found.values())
    return found[known]


async def list_forwarding_runs(
    tx: Transaction, page: PageRequest, *, states: Sequence[ForwardingState] | None = None
) -> Page[ForwardingRun]:
    """Return runs, newest first. Errors: ForbiddenError, CursorInvalidError."""
    require_regulator(tx.viewer)
    conditions = [] if states is None else [forwarding_runs.c.state.in_([state.value for state in states])]
    return await fetch_page(tx, _RUNS, page, *conditions)


async def read_manifest(tx: Transaction, run_id: str) -> str:
    """Return the canonical text of a run's manifest, whose SHA-256 is its hash. Errors: ForbiddenError."""
    require_regulator(tx.viewer)
    c = forwarding_items.c
    statement = select_records(tx, ForwardingItem).where(c.run_id == parse_id(run_id)).order_by(c.place)
    items = await fetch_records(tx, ForwardingItem, statement)
    note_items(tx, ForwardingItem, items)
    return render_manifest(items)


async def list_forwarding_items(tx: Transaction, run_id: str, page: PageRequest) -> Page[ForwardingItem]:
    """Return the items of a manifest, in order. Errors: ForbiddenError, CursorInvalidError."""
    require_regulator(tx.viewer)
    return await fetch_page(tx, _ITEMS, page, forwarding_items.c.run_id == parse_id(run_id))
