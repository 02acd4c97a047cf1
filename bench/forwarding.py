"""Forwarding: verified complaints become orders and referrals, run by run, beside the same SQL by psql on a copy.

Half of the complaints are about numbers and ask for a block, half about accounts and ask their provider. A run is
proposed by one officer and approved by another, each in a transaction of its own, as they do it.
"""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from bench.figures import Figure, Samples, compare, read_stopwatch
from bench.scale import Scale
from bench.statements import Psql, Statement, take_down, write_script
from bench.world import BATCH_SIZE, Country, World, found_country, read_clock
from ledger.accounts.running import NamedPlatform, set_member_platforms
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.filing import FiledComplaint, file_complaints
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.forwarding.candidates import ForwardingRequest
from ledger.forwarding.proposals import ForwardingApproval, approve_forwarding, forward_complaints
from ledger.forwarding.table import ForwardingRun
from ledger.members.admission import MemberDraft, admit_member
from ledger.orders.table import BlockOrder
from ledger.participations.agreements import start_participation
from ledger.participations.terms import Terms
from ledger.participations.vocabulary import Disclosure
from ledger.referrals.table import Referral
from ledger.signals.filling import fill_keys
from ledger.storage.database import Database, Transaction
from ledger.viewer import OPERATOR, MemberKind
from ledger.vocabulary import Category, Platform

_REQUEST = ForwardingRequest(legal_basis="PM 5/2021", subscriber_notice="Blocked for fraud.", limit=BATCH_SIZE)
_COUNTS = (
    "SELECT count(*) FROM block_orders WHERE state = 'ISSUED'",
    "SELECT count(*) FROM referrals",
    "SELECT count(*) FROM complaints WHERE state = 'ESCALATED'",
    "SELECT count(*) FROM events",
)


async def run(world: World, scale: Scale) -> list[Figure]:
    """Forward so many complaints, a run at a time; the first run warms up and doesn't count."""
    runs = max(scale.forwarded // (2 * BATCH_SIZE), 1) + 1
    async with world.clone() as name:
        as_of = read_clock()
        database = world.connect(name)
        country = await found_country(database, as_of=as_of)
        await _agree(database, as_of=as_of)
        for place in range(runs):
            await _verify(database, country, place, as_of=as_of)
        await database.close()
        await world.refresh_statistics(name)
        async with world.clone(name) as copy:
            ledger, psql, statements = await _measure(world, name, copy, country, runs=runs, as_of=as_of)
            await _check_equal(world, name, copy)
    size = f"{2 * BATCH_SIZE:,}"
    return [
        compare(f"{size} complaints forwarded", ledger, psql, unit="runs/s", beside_name="psql"),
        Figure(name="  statements of a run and its approval", value=_count(statements), unit=""),
    ]


async def _agree(database: Database, *, as_of: datetime) -> None:
    """Have a provider take part that runs WhatsApp."""
    draft = MemberDraft(
        slug="messenger", kind=MemberKind.OTT_PROVIDER, legal_name="A Messenger", contact_email="duty@messenger.example"
    )
    terms = Terms(
        terms_reference="T-1",
        categories=[Category.FRAUD],
        purpose="Fraud prevention",
        controller_roles="Separate controllers.",
        disclosure=Disclosure.CLEAR,
    )
    async with database.transaction(OPERATOR, as_of=as_of) as tx:
        member = await admit_member(tx, draft)
        await set_member_platforms(tx, member.id, [NamedPlatform(Platform.WHATSAPP)])
        await start_participation(tx, member.id, terms, fill=fill_keys)


async def _verify(database: Database, country: Country, place: int, *, as_of: datetime) -> None:
    """File and verify a run's complaints."""
    serials = range(place * BATCH_SIZE, (place + 1) * BATCH_SIZE)
    blocked = [_draft(f"+62812{serial:07d}", Remedy.NUMBER_BLOCK) for serial in serials]
    referred = [_draft(f"+62813{serial:07d}", Remedy.OTT_ACTION, platform="WHATSAPP") for serial in serials]
    for drafts in (blocked, referred):
        async with database.transaction(country.agency, as_of=as_of) as tx:
            filed = [item for item in await file_complaints(tx, drafts) if isinstance(item, FiledComplaint)]
        assert len(filed) == len(drafts)
        decisions = [ComplaintDecision(complaint_id=item.complaint.id, decision=Decision.VERIFY) for item in filed]
        async with database.transaction(country.officer, as_of=as_of) as tx:
            await decide_complaints(tx, decisions)


def _draft(number: str, remedy: Remedy, *, platform: str | None = None) -> ComplaintDraft:
    return ComplaintDraft(
        number=number,
        account_platform=platform,
        medium=Medium.OTT if platform else Medium.SMS,
        category=Category.FRAUD,
        remedy=remedy,
        source_reference=number,
        chronology="A prize was promised for a fee.",
    )


async def _measure(
    world: World, name: str, copy: str, country: Country, *, runs: int, as_of: datetime
) -> tuple[Samples, Samples, Sequence[Statement]]:
    ledger: list[float] = []
    psql: list[float] = []
    taken: Sequence[Statement] = ()
    script = world.folder / "forwarding.sql"
    database = world.connect(name)
    with Psql(world.url_of(copy)) as session:
        for _ in range(runs):
            begun = read_stopwatch()
            with take_down(database) as proposing:
                async with database.transaction(country.officer, as_of=as_of) as tx:
                    proposed = await forward_complaints(tx, _REQUEST)
            with take_down(database) as approving:
                async with database.transaction(country.other_officer, as_of=as_of) as tx:
                    await _approve(tx, proposed)
            ledger.append(1 / (read_stopwatch() - begun))
            seconds = 0.0
            for statements in (proposing, approving):
                write_script(script, statements)
                seconds += session.run(script)
            psql.append(1 / seconds)
            taken = [*proposing, *approving]
    await database.close()
    return Samples(ledger[1:]), Samples(psql[1:]), taken


async def _approve(tx: Transaction, proposed: ForwardingRun) -> None:
    approval = ForwardingApproval(run_id=proposed.id, manifest_hash=proposed.manifest_hash)
    _, orders, referrals = await approve_forwarding(tx, approval)
    assert sum(isinstance(each, BlockOrder) for each in orders) == BATCH_SIZE, orders[:1]
    assert sum(isinstance(each, Referral) for each in referrals) == BATCH_SIZE, referrals[:1]


def _count(statements: Sequence[Statement]) -> int:
    return sum("set_config" not in statement.text for statement in statements)


async def _check_equal(world: World, name: str, copy: str) -> None:
    """Check that psql did the same work as the ledger."""
    counts = []
    for database in (name, copy):
        connection = await asyncpg.connect(world.superuser_url_of(database))
        counts.append([await connection.fetchval(query) for query in _COUNTS])
        await connection.close()
    assert counts[0] == counts[1], counts
