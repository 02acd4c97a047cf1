"""`jembatan status`: what waits, what is late and what failed, and the state of the installation. It changes nothing.

It shows counts, names of members and ids of keys, and nothing of what was filed, ordered or said, so that no access is
recorded. It reads one snapshot, in one statement for each section, beside a running `serve` or without one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cli.printing import JsonFlag, print_json, print_record, print_table, print_title

if TYPE_CHECKING:
    from auth.standing import AccountStanding, SigningKeyStanding
    from cli.session import Session
    from ledger.feed.standing import LogStanding
    from ledger.feed.table import CheckpointKey
    from ledger.identifiers import MemberId
    from ledger.members.standing import MemberCount
    from ledger.standing import Standing
    from ledger.storage.database import Transaction
    from ledger.storage.rekeying import KeyStanding
    from migrations.state import DatabaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierLine:
    """One carrier's orders."""

    carrier: str
    open: int
    overdue: int
    unanswered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything that is shown. clock_ahead_seconds is the database's clock minus ours."""

    as_of: datetime
    database: "DatabaseState"
    clock_ahead_seconds: float
    standing: "Standing"
    carriers: Sequence[CarrierLine]
    log: "LogStanding"
    encryption_keys: "Sequence[KeyStanding]"
    signing_keys: "Sequence[SigningKeyStanding]"
    checkpoint_keys: "Sequence[CheckpointKey]"
    members: "Sequence[MemberCount]"
    accounts: "AccountStanding"
    approvers: int


def status(*, as_json: JsonFlag = False) -> None:
    """Show what waits, what is late and what failed, and the state of schema, keys, log, members and clock.

    Orders are open while a carrier has to act, overdue once the due time has passed, and unanswered if the carrier had
    not even confirmed receipt by then; a request for more time is no confirmation. No key is rotated by itself: the
    table of keys shows how old each is.
    """
    from cli.session import run_session

    found = run_session(read_status)
    if as_json:
        print_json(_select_values(found))
        return
    for title, values in _render_records(found):
        print_title(title)
        print_record(values)
    print_table("Orders by carrier", ("carrier", "open", "overdue", "unanswered"), _carrier_rows(found))
    print_table("Keys", ("of", "id", "since", "state"), list(_key_rows(found)))
    rows = [(count.kind.value, count.admitted, count.suspended) for count in found.members]
    print_table("Members", ("kind", "admitted", "suspended"), rows)


async def read_status(session: "Session") -> Status:
    """Read everything. Errors: DatabaseUnavailableError, StatementTimeoutError."""
    from auth.login.approvers import count_active_approvers
    from auth.standing import count_accounts, list_signing_keys
    from cli.session import read_clock
    from ledger.feed.checkpoints import list_verifier_keys
    from ledger.feed.standing import read_log_standing
    from ledger.members.standing import count_members
    from ledger.standing import measure_standing
    from ledger.storage.rekeying import list_key_standings
    from ledger.storage.roles import Role
    from migrations.state import read_state

    before = read_clock()
    database = await read_state(session.database, as_of=before)
    midway = before + (read_clock() - before) / 2
    async with session.database.snapshot(Role.REGULATOR, as_of=read_clock()) as tx:
        standing = await measure_standing(tx)
        carriers = await _name_carriers(tx, standing)
        log, members = await read_log_standing(tx), await count_members(tx)
        checkpoint_keys = await list_verifier_keys(tx)
        async with tx.role(Role.AUTH):
            accounts = await count_accounts(tx)
            approvers = await count_active_approvers(tx, session.settings)
            signing_keys = await list_signing_keys(tx, session.settings)
        async with tx.role(Role.JOBS):
            encryption_keys = await list_key_standings(tx)
        return Status(
            as_of=tx.as_of,
            database=database,
            clock_ahead_seconds=round((database.clock - midway).total_seconds(), 3),
            standing=standing,
            carriers=carriers,
            log=log,
            encryption_keys=encryption_keys,
            signing_keys=signing_keys,
            checkpoint_keys=checkpoint_keys,
            members=members,
            accounts=accounts,
            approvers=approvers,
        )


async def _name_carriers(tx: "Transaction", standing: "Standing") -> list[CarrierLine]:
    from ledger.members.reading import load_members

    found = await load_members(tx, sorted(standing.orders_open_by_carrier))
    overdue, unanswered = standing.orders_overdue_by_carrier, standing.orders_unanswered_by_carrier
    lines = [
        CarrierLine(
            carrier=found[member_id].slug,
            open=count,
            overdue=overdue.get(member_id, 0),
            unanswered=unanswered.get(member_id, 0),
        )
        for member_id, count in standing.orders_open_by_carrier.items()
    ]
    return sorted(lines, key=lambda line: (-line.overdue, line.carrier))


def _select_values(found: Status) -> dict[str, object]:
    """The values of --json: by section, and carriers by their slugs."""
    standing, database = found.standing, found.database
    return {
        "asOf": found.as_of,
        "complaints": {
            "awaitingVerification": standing.awaiting_verification,
            "verificationOverdue": standing.verification_overdue,
            "needsInfo": standing.needs_info,
            "verifiedUnforwarded": standing.verified_unforwarded,
        },
        "orders": {
            "draftsAwaitingApproval": standing.drafts_awaiting_approval,
            "draftsHeld": standing.drafts_held,
            "proposalsAwaitingApproval": standing.proposals_awaiting_approval,
            "unconfirmed": standing.orders_unconfirmed,
            "open": standing.orders_open,
            "overdue": _sum(standing.orders_overdue_by_carrier),
            "unanswered": _sum(standing.orders_unanswered_by_carrier),
            "byCarrier": found.carriers,
        },
        "failedJobs": standing.failed_jobs,
        "log": {
            "size": found.log.size,
            "oldestPosition": found.log.oldest_position,
            "pending": standing.feed_pending,
            "lagSeconds": standing.feed_lag_seconds,
            "signedSize": found.log.signed_size,
            "signedAt": found.log.signed_at,
            "sequencerPid": found.log.sequencer_pid,
            "epoch": found.log.epoch,
        },
        "keys": {
            "encryption": found.encryption_keys,
            "signing": found.signing_keys,
            "checkpoint": found.checkpoint_keys,
        },
        "members": found.members,
        "accounts": found.accounts,
        "approvers": found.approvers,
        "database": {
            "revision": database.revision,
            "requiredRevision": database.required_revision,
            "areRightsCurrent": database.are_rights_current,
            "serverVersion": database.server_version,
            "clockAheadSeconds": found.clock_ahead_seconds,
        },
    }


def _render_records(found: Status) -> Iterator[tuple[str, Mapping[str, object]]]:
    standing, log, accounts, database = found.standing, found.log, found.accounts, found.database
    yield (
        "Waiting for officers",
        {
            "complaints to verify": _with(standing.awaiting_verification, standing.verification_overdue, "overdue"),
            "complaints awaiting information": standing.needs_info,
            "verified complaints to forward": standing.verified_unforwarded,
            "drafts to approve": _with(standing.drafts_awaiting_approval, standing.drafts_held, "held"),
            "proposals to approve": standing.proposals_awaiting_approval,
            "orders to confirm": standing.orders_unconfirmed,
        },
    )
    yield (
        "Failed jobs",
        {
            job.name: f"{job.error} at {_render_time(job.failed_at)}, {job.failures} times in a row"
            for job in standing.failed_jobs
        }
        or {"none": "every job succeeded when it last ran"},
    )
    signed = f"{log.signed_size} entries at {_render_time(log.signed_at)}" if log.signed_at is not None else "nothing"
    yield (
        "Log",
        {
            "entries": log.size,
            "events without a position": f"{standing.feed_pending}, the oldest for {standing.feed_lag_seconds:.1f} s",
            "signed": signed,
            "sequencer": f"database process {log.sequencer_pid}" if log.sequencer_pid else "none: is `serve` running?",
        },
    )
    overlap_ends = f", the next until {_render_time(accounts.next_overlap_ends_at)}"
    yield (
        "Clients and officers",
        {
            "clients": _with(accounts.clients, accounts.clients_disabled, "disabled beside them"),
            "clients with two valid secrets": f"{accounts.clients_overlapping}"
            + (overlap_ends if accounts.next_overlap_ends_at is not None else ""),
            "officers": _with(accounts.officers, accounts.officers_disabled, "disabled beside them"),
            "officers who can approve": found.approvers,
        },
    )
    yield (
        "Database",
        {
            "schema": f"{database.revision}, as this version requires",
            "rights": "as this version sets them" if database.are_rights_current else "other than this version's",
            "server": f"PostgreSQL {database.server_version}",
            "clock": f"{found.clock_ahead_seconds:+.3f} s compared with ours",
        },
    )


def _carrier_rows(found: Status) -> list[tuple[object, ...]]:
    return [(line.carrier, line.open, line.overdue, line.unanswered) for line in found.carriers]


def _key_rows(found: Status) -> Iterator[tuple[object, ...]]:
    def age(since: datetime) -> str:
        return f"{_render_time(since)} ({(found.as_of - since) // timedelta(days=1)} days)"

    for sealing in found.encryption_keys:
        state = "seals" if sealing.is_current else "opens; `jembatan keys rotate` ends it"
        yield "data", sealing.key_id, age(sealing.first_used_at), state
    for signing in found.signing_keys:
        until = signing.accepted_until
        state = "signs" if until is None else f"accepted until {_render_time(until)}"
        yield "tokens", signing.key_id, age(signing.created_at), state
    for key in found.checkpoint_keys:
        state = "signs" if key.retired_at is None else f"retired on {_render_time(key.retired_at)}"
        yield "log", key.key_id, age(key.created_at), state


def _with(count: int, part: int, name: str) -> str:
    return f"{count} ({part} {name})" if part else str(count)


def _sum(counts: "Mapping[MemberId, int]") -> int:
    return sum(counts.values())


def _render_time(moment: datetime | None) -> str:
    return moment.isoformat(sep=" ", timespec="seconds") if moment is not None else "-"
