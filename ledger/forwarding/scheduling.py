"""Forwarding on a schedule: a job that starts a run when one is due, in no officer's name.

One row remembers up to which moment of the schedule everything was run. Whatever moments passed while no process was
running are made up for by one run, since a run covers all that waits; a run that failed is due until it succeeds. The
row is locked and written with the run, so that no moment is run twice. Source: docs/adr/0130.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from ledger.forwarding.candidates import ForwardingRequest
from ledger.forwarding.moments import find_moment, find_next_moment
from ledger.forwarding.proposals import propose_orders
from ledger.forwarding.table import SCHEDULE_ID, ScheduledForwarding
from ledger.forwarding.vocabulary import ScheduleKind
from ledger.permissions import REGULATOR_OR_OPERATOR, require_kind
from ledger.policies import ForwardingPolicy
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, find_record, insert_records, select_records, update_records


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The schedule of the policy and where it stands. next_due_at is None if it is off; it may have passed already."""

    kind: ScheduleKind
    carrier_daily_max: int
    next_due_at: datetime | None
    standing: ScheduledForwarding | None


async def forward_on_schedule(tx: Transaction) -> int:
    """Start the run that is due, if one is and anything can be ordered. Returns 1 if it did; a periodic job."""
    moment = find_moment(tx.policies, tx.as_of)
    if moment is None:
        return 0
    async with tx.role(Role.TRANSITION):
        statement = select_records(tx, ScheduledForwarding).with_for_update()
        before = next(iter(await fetch_records(tx, ScheduledForwarding, statement)), None)
        if before is not None and before.done_until >= moment:
            return 0
        run = await propose_orders(tx, _render_request(tx.policies), drafter=None)
        done = ScheduledForwarding(id=SCHEDULE_ID, done_until=moment, ran_at=tx.as_of)
        if run is not None:
            done = replace(done, last_run_id=run.id)
        elif before is not None:
            done = replace(done, last_run_id=before.last_run_id)
        await (insert_records(tx, [done]) if before is None else update_records(tx, [(before, done)]))
    return 0 if run is None else 1


async def get_schedule(tx: Transaction) -> Schedule:
    """Return the schedule and where it stands. Errors: ForbiddenError for all but the regulator and the operator."""
    require_kind(tx.viewer, REGULATOR_OR_OPERATOR)
    standing = await find_record(tx, ScheduledForwarding)
    return Schedule(
        kind=ScheduleKind(tx.policies.forwarding_schedule.upper()),
        carrier_daily_max=tx.policies.forwarding_carrier_daily,
        next_due_at=_find_next(tx, standing),
        standing=standing,
    )


def _find_next(tx: Transaction, standing: ScheduledForwarding | None) -> datetime | None:
    """When the next run is due: the moment that has passed, as long as it was not run, else the one to come."""
    moment = find_moment(tx.policies, tx.as_of)
    if moment is not None and (standing is None or standing.done_until < moment):
        return moment
    return find_next_moment(tx.policies, tx.as_of)


def _render_request(policy: ForwardingPolicy) -> ForwardingRequest:
    """What a scheduled run covers. A continuous one doesn't list each time again what can't be ordered."""
    return ForwardingRequest(
        legal_basis=policy.forwarding_legal_basis or "",
        subscriber_notice=policy.forwarding_subscriber_notice or "",
        limit=policy.forwarding_limit,
        carrier_daily=policy.forwarding_carrier_daily,
        unorderable_limit=0 if policy.forwarding_schedule == "continuous" else None,
    )
