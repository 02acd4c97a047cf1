"""The world of one run: an embedded PostgreSQL in a temporary folder, migrated, with a small country in it.

The server runs with its defaults (fsync on), as that of an installation would. Nothing is left behind at the end.
"""

import asyncio
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from auth.clients.registration import ClientDraft, CreatedClient, create_client
from bench.children import ended_with_parent
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.filing import FiledComplaint, file_complaints
from ledger.complaints.vocabulary import Medium
from ledger.identifiers import ClientId, MemberId
from ledger.members.admission import MemberDraft, OfficerDraft, add_office, add_officer, admit_member
from ledger.numbers.plan import load_plan
from ledger.numbers.plan_seed import seed_ranges
from ledger.orders.approval import Approval, approve_block_orders
from ledger.orders.content import hash_content
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.table import BlockOrder
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.embedded import EmbeddedServer, EmbeddedUrls
from ledger.storage.postgres import find_programs
from ledger.storage.roles import Role, login_name, owner_name
from ledger.storage.sealing import Keyring
from ledger.viewer import OPERATOR, MemberKind, Viewer, ViewerKind
from ledger.vocabulary import Category
from migrations.run import migrate

ROLE_PREFIX = "jembatan_"
BATCH_SIZE = 1000
_TEMPLATE = "jembatan"
_MEMBERS = (
    ("regulator", MemberKind.REGULATOR, "The Regulator"),
    ("agency", MemberKind.AGENCY, "An Agency"),
    ("telkomsel", MemberKind.CARRIER, "Telkomsel"),
    ("indosat", MemberKind.CARRIER, "Indosat Ooredoo Hutchison"),
)
_SCOPES = {
    MemberKind.REGULATOR: ("orders:read", "complaints:read", "numbers:read", "members:read"),
    MemberKind.AGENCY: ("complaints:read", "complaints:file", "numbers:read", "members:read"),
    MemberKind.CARRIER: ("orders:read", "orders:acknowledge", "numbers:read", "members:read"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """A viewer for each party, and each member's client at the gateway."""

    officer: Viewer
    other_officer: Viewer
    agency: Viewer
    carrier: Viewer
    carrier_client: CreatedClient
    other_carrier_client: CreatedClient
    agency_client: CreatedClient
    regulator_client: CreatedClient


@dataclass(slots=True, kw_only=True)
class World:
    """The running server, the keys, and databases that are copies of the migrated one."""

    urls: EmbeddedUrls
    folder: Path
    keys: tuple[str, str]
    socket_folder: str
    postgres_process_id: int
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    registers: dict[int, tuple[str, Country]] = field(default_factory=dict)
    """The filled databases by their size, for the benchmarks that only read."""

    @property
    def keyring(self) -> Keyring:
        """What encrypts and decrypts here."""
        return Keyring.from_text(*self.keys)

    def url_of(self, name: str) -> str:
        """Return the URL of a database for the application's login."""
        return self.urls.application.replace(f"/{_TEMPLATE}?", f"/{name}?")

    def superuser_url_of(self, name: str) -> str:
        """Return the URL of a database for the server's superuser."""
        return self.urls.superuser.replace("/postgres?", f"/{name}?")

    def connect(self, name: str, *, pool_size: int = 1) -> Database:
        """Return a pool; with one connection, so that what is measured finds it warm."""
        settings = LedgerSettings(
            database_url=self.url_of(name),
            role_prefix=ROLE_PREFIX,
            database_pool_size=pool_size,
            statement_timeout_ms=60_000,
        )
        return Database.connect(settings, self.keyring)

    async def copy(self, template: str = _TEMPLATE) -> str:
        """Copy a database to which no one is connected; the copy lasts as long as the world."""
        name = f"bench_{next(self.numbers)}"
        await self._administer(f"CREATE DATABASE {name} OWNER {owner_name(ROLE_PREFIX)} TEMPLATE {template}")
        return name

    @asynccontextmanager
    async def clone(self, template: str = _TEMPLATE) -> AsyncIterator[str]:
        """Copy a database to which no one is connected; the copy is dropped after the block."""
        name = await self.copy(template)
        try:
            yield name
        finally:
            await self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def refresh_statistics(self, name: str) -> None:
        """Do now what autovacuum would do in a minute, so that it doesn't interfere with a measurement."""
        await self._administer("VACUUM (ANALYZE)", database=name)
        await self._administer("CHECKPOINT")

    async def _administer(self, statement: str, *, database: str = "postgres") -> None:
        connection = await asyncpg.connect(self.superuser_url_of(database))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def open_world() -> Iterator[World]:
    """Start the server, migrate, and stop it after the block. Call it outside any event loop."""
    with tempfile.TemporaryDirectory(prefix="jembatan-bench-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedServer(Path(folder), role_prefix=ROLE_PREFIX)
        urls = server.start()
        try:
            asyncio.run(migrate(urls.owner, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX)))
            postmaster = server.folder.find_postmaster()
            assert postmaster is not None
            with ended_with_parent(postmaster.process_id):
                yield World(
                    urls=urls,
                    folder=Path(folder),
                    keys=Keyring.generate_text(),
                    socket_folder=str(postmaster.socket_folder),
                    postgres_process_id=postmaster.process_id,
                )
        finally:
            server.stop()


async def found_country(database: Database, *, as_of: datetime) -> Country:
    """Create the regulator with two officers, an agency, two carriers with their ranges, and each one's client."""
    async with database.transaction(OPERATOR, as_of=as_of) as tx:
        ids: dict[str, MemberId] = {}
        for slug, kind, name in _MEMBERS:
            draft = MemberDraft(slug=slug, kind=kind, legal_name=name, contact_email=f"duty@{slug}.example")
            ids[slug] = (await admit_member(tx, draft)).id
        office = await add_office(tx, ids["regulator"], slug="desk", name="Help desk")
        officers = [
            await add_officer(tx, OfficerDraft(office_id=office.id, display_name=name)) for name in ("Sari", "Budi")
        ]
        await load_plan(tx, seed_ranges())
    async with database.system(Role.AUTH, as_of=as_of) as tx:
        clients = {
            slug: await create_client(tx, ClientDraft(member_id=ids[slug], name="System", scopes=_SCOPES[kind]))
            for slug, kind, _ in _MEMBERS
        }
    drafter, approver = (
        Viewer(
            kind=ViewerKind.REGULATOR,
            member_id=ids["regulator"],
            client_id=ClientId("web"),
            officer_id=officer.id,
            office_id=office.id,
        )
        for officer in officers
    )
    return Country(
        officer=drafter,
        other_officer=approver,
        agency=Viewer(kind=ViewerKind.AGENCY, member_id=ids["agency"], client_id=ClientId("agency-system")),
        carrier=Viewer(kind=ViewerKind.CARRIER, member_id=ids["telkomsel"], client_id=clients["telkomsel"].client_id),
        carrier_client=clients["telkomsel"],
        other_carrier_client=clients["indosat"],
        agency_client=clients["agency"],
        regulator_client=clients["regulator"],
    )


async def issue_orders(database: Database, country: Country, count: int, *, as_of: datetime) -> list[str]:
    """Return the ids of that many issued orders to the first carrier: each with a complaint, draft and approval."""
    issued: list[str] = []
    for drafts in await draft_orders(database, country, count, as_of=as_of):
        async with database.transaction(country.other_officer, as_of=as_of) as tx:
            orders = await approve_block_orders(
                tx, [Approval(order_id=draft.id, content_hash=hash_content(draft)) for draft in drafts]
            )
        issued.extend(str(order.id) for order in orders if isinstance(order, BlockOrder))
    assert len(issued) == count
    return issued


async def draft_orders(database: Database, country: Country, count: int, *, as_of: datetime) -> list[list[BlockOrder]]:
    """Return that many unapproved orders to the first carrier, batch by batch, each from a complaint."""
    batches: list[list[BlockOrder]] = []
    for start in range(0, count, BATCH_SIZE):
        numbers = [f"+62812{serial:07d}" for serial in range(start + 1, min(start + BATCH_SIZE, count) + 1)]
        batches.append(await _draft_batch(database, country, numbers, as_of=as_of))
    return batches


async def _draft_batch(
    database: Database, country: Country, numbers: Sequence[str], *, as_of: datetime
) -> list[BlockOrder]:
    complaints = [
        ComplaintDraft(
            number=number, medium=Medium.SMS, category=Category.FRAUD, source_reference=number, chronology="A prize."
        )
        for number in numbers
    ]
    async with database.transaction(country.agency, as_of=as_of) as tx:
        filed = [item for item in await file_complaints(tx, complaints) if isinstance(item, FiledComplaint)]
    decisions = [ComplaintDecision(complaint_id=item.complaint.id, decision=Decision.VERIFY) for item in filed]
    async with database.transaction(country.officer, as_of=as_of) as tx:
        await decide_complaints(tx, decisions)
        drafts = await draft_block_orders(tx, [_draft(number) for number in numbers])
    drafted = [draft for draft in drafts if isinstance(draft, BlockOrder)]
    assert len(drafted) == len(numbers), drafts[:1]
    return drafted


def _draft(number: str) -> OrderDraft:
    return OrderDraft(
        number=number, legal_basis="PM 5/2021", summary="Prize fraud by SMS.", subscriber_notice="Blocked for fraud."
    )


def read_clock() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def find_program(name: str) -> str:
    """Return the path of a client program of the wheel's PostgreSQL: psql, pgbench."""
    path = find_programs() / name
    assert os.access(path, os.X_OK), f"{path} is missing"
    return str(path)
