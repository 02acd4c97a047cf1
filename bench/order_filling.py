"""A register of any size: a thousand orders made by the ledger, and copies of them made by PostgreSQL alone.

Every second copy belongs to the other carrier, as its number does. The copies have no events and no history: they are
there to be read, and are counted as any rows. The statements name only the columns that a copy changes, so that a new
column is copied as it is.
"""

import sys

import asyncpg

from bench.world import BATCH_SIZE, Country, World, found_country, issue_orders, read_clock
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import acknowledge_block_orders
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.storage.recounts import recount_all
from ledger.storage.roles import Role
from ledger.storage.sums import Compaction

_COPIES_AT_ONCE = 100
_TABLES = (
    "phone_numbers",
    "complaints",
    "block_orders",
    "block_order_versions",
    "order_complaints",
    "order_acknowledgements",
)
_LIST_INDEXES = f"""
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
WHERE indrelid = ANY(ARRAY{list(_TABLES)}::regclass[]) AND NOT indisprimary
  AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
"""
_LIST_COLUMNS = """
SELECT column_name AS name, data_type AS type FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position
"""
_MAP = """
CREATE TEMPORARY TABLE copied ON COMMIT DROP AS
SELECT seed.order_id AS old_order, uuidv7() AS order_id, seed.complaint_id AS old_complaint, uuidv7() AS complaint_id,
  o.e164 AS old_e164, copy * $3::bigint + row_number() OVER (PARTITION BY copy ORDER BY seed.order_id) AS serial,
  copy % 2 = 1 AS is_other,
  make_interval(secs => - copy * $4::float8 - row_number() OVER (PARTITION BY copy ORDER BY seed.order_id)) AS shift
FROM generate_series($1::bigint, $2::bigint) AS copy
CROSS JOIN order_complaints seed JOIN block_orders o ON o.id = seed.order_id
WHERE o.order_serial <= $3
"""
_CARRIER = "CASE WHEN copied.is_other THEN (SELECT id FROM members WHERE slug = 'indosat') ELSE {table}.{column} END"
_E164 = "CASE WHEN copied.is_other THEN '+62815' ELSE '+62812' END || lpad(copied.serial::text, 8, '0')"
"""One digit longer than the numbers of the thousand, so that none is met twice."""
_CHANGED: dict[str, tuple[str, dict[str, str]]] = {
    "phone_numbers": (
        "phone_numbers.e164 = copied.old_e164",
        {"e164": _E164, "holder_id": _CARRIER, "brand_id": "NULL"},
    ),
    "complaints": (
        "complaints.id = copied.old_complaint",
        {
            "id": "copied.complaint_id",
            "ticket_serial": "copied.serial",
            "e164": _E164,
            "source_reference": _E164,
            "content_hash": "encode(sha256(int8send(copied.serial)), 'hex')",
        },
    ),
    "block_orders": (
        "block_orders.id = copied.old_order",
        {
            "id": "copied.order_id",
            "order_serial": "copied.serial",
            "directive_id": "uuidv7()",
            "e164": _E164,
            "carrier_id": _CARRIER,
            "brand_id": "NULL",
        },
    ),
    "block_order_versions": (
        "block_order_versions.order_id = copied.old_order",
        {"order_id": "copied.order_id", "carrier_id": _CARRIER},
    ),
    "order_complaints": (
        "order_complaints.order_id = copied.old_order",
        {"order_id": "copied.order_id", "complaint_id": "copied.complaint_id"},
    ),
    "order_acknowledgements": (
        "order_acknowledgements.order_id = copied.old_order",
        {"id": "uuidv7()", "order_id": "copied.order_id", "carrier_id": _CARRIER},
    ),
}
"""Which rows of the thousand are copied, and what a copy has instead of the row's own."""
_SPREAD_SECONDS = 365 * 86_400.0


async def open_register(world: World, count: int) -> tuple[str, Country]:
    """Return a database with that many orders, filled at first use. It is for reading: the world keeps it."""
    if count not in world.registers:
        print(f"  filling a register of {count:,} orders ...", file=sys.stderr)
        name = await world.copy()
        world.registers[count] = name, await fill_register(world, name, count)
    return world.registers[count]


async def fill_register(world: World, name: str, count: int) -> Country:
    """Fill an empty database with that many orders, at least a thousand, due within the year before tomorrow.

    Each has its number, its complaint and one or two acknowledgements.
    """
    as_of = read_clock()
    database = world.connect(name)
    country = await found_country(database, as_of=as_of)
    order_ids = await issue_orders(database, country, BATCH_SIZE, as_of=as_of)
    for kind, chosen in ((AcknowledgementKind.RECEIVED, order_ids), (AcknowledgementKind.EXECUTED, order_ids[::2])):
        drafts = [AcknowledgementDraft(order_id=order_id, kind=kind, reference="TT-1") for order_id in chosen]
        async with database.transaction(country.carrier, as_of=as_of) as tx:
            await acknowledge_block_orders(tx, drafts)
    await database.close()
    if count > BATCH_SIZE:
        await _multiply(world, name, count // BATCH_SIZE - 1)
    await _count_copies(world, name)
    await world.refresh_statistics(name)
    return country


async def _count_copies(world: World, name: str) -> None:
    """Bring the running counts up to the copies, which were made without triggers, and put them together."""
    database = world.connect(name)
    async with database.system(Role.VERIFIER, as_of=read_clock()) as tx:
        await recount_all(tx, mends=True)
    compaction = Compaction()
    is_begun = False
    while compaction.has_more or not is_begun:
        is_begun = True
        async with database.system(Role.JOBS, as_of=read_clock()) as tx:
            await compaction.run(tx)
    await database.close()


async def _multiply(world: World, name: str, copies: int) -> None:
    connection = await asyncpg.connect(world.superuser_url_of(name), timeout=60, command_timeout=3600)
    try:
        await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        statements = [await _render_copy(connection, table) for table in _TABLES]
        indexes = await connection.fetch(_LIST_INDEXES)
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        for first in range(1, copies + 1, _COPIES_AT_ONCE):
            last = min(first + _COPIES_AT_ONCE - 1, copies)
            async with connection.transaction():
                await connection.execute(_MAP, first, last, BATCH_SIZE, _SPREAD_SECONDS / copies)
                for statement in statements:
                    await connection.execute(statement)
        for index in indexes:
            await connection.execute(index["definition"])
    finally:
        await connection.close()


async def _render_copy(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> str:
    condition, changed = _CHANGED[table]
    columns = await connection.fetch(_LIST_COLUMNS, table)
    values = [_render_value(table, column["name"], column["type"], changed) for column in columns]
    names = ", ".join(column["name"] for column in columns)
    return (
        f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {', '.join(values)} "
        f"FROM copied JOIN {table} ON {condition}"
    )


def _render_value(table: str, column: str, kind: str, changed: dict[str, str]) -> str:
    if column in changed:
        return changed[column].format(table=table, column=column)
    # Nothing that a copy says moves against another of its times.
    return f"{table}.{column} + copied.shift" if kind == "timestamp with time zone" else f"{table}.{column}"
