"""Filling new keys: the active signals are hashed under them, in batches that resume where the last one ended.

Source: docs/adr/0061.
"""

from dataclasses import replace

from sqlalchemy import ColumnElement, exists

from ledger.identifiers import MemberId, SignalId
from ledger.participations.table import SignalKey, in_force, in_use, participations, signal_keys
from ledger.signals.disclosure import Recipient, find_recipients, send_signals
from ledger.signals.states import SignalState
from ledger.signals.table import FraudSignal, fraud_signals
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, select_records, update_records

_FILL_ROWS = 1_000
_FILL_BATCHES = 10


async def fill_keys(tx: Transaction, member_id: MemberId, batches: int) -> int:
    """Hash active signals under a provider's keys that are not filled. Returns the number of signals sent.

    Units: batches of 1,000 signals, for all of its keys together. Runs under the transition role.
    """
    return await _fill(tx, batches, signal_keys.c.member_id == member_id)


async def fill_signal_keys(tx: Transaction) -> int:
    """The periodic job: continue filling new keys. Returns the number of signals sent, at most 10,000."""
    async with tx.role(Role.TRANSITION):
        return await _fill(tx, _FILL_BATCHES)


async def _fill(tx: Transaction, batches: int, *conditions: ColumnElement[bool]) -> int:
    keys = await _lock_unfilled(tx, batches, *conditions)
    recipients = {item.key_id: item for item in await find_recipients(tx, key_ids=[key.id for key in keys])}
    unfilled = [key for key in keys if key.id in recipients]
    sent = 0
    for _ in range(batches):
        if not unfilled:
            break
        key = unfilled.pop(0)
        signals = await _find_active(tx, recipients[key.id], after=key.filled_after)
        await send_signals(tx, signals, [recipients[key.id]])
        is_filled = len(signals) < _FILL_ROWS
        last = signals[-1].id if signals else key.filled_after
        noted = replace(key, filled_after=last, filled_at=tx.as_of if is_filled else None)
        await update_records(tx, [(key, noted)])
        if not is_filled:
            unfilled.insert(0, noted)
        sent += len(signals)
    return sent


async def _lock_unfilled(tx: Transaction, rows: int, *conditions: ColumnElement[bool]) -> list[SignalKey]:
    """Lock keys in use that are not filled, of providers that take part, skipping those that another job is filling."""
    c, p = signal_keys.c, participations.c
    takes_part = exists().where(p.member_id == c.member_id, in_force(p))
    statement = select_records(tx, SignalKey).where(c.filled_at.is_(None), in_use(c), takes_part, *conditions)
    statement = statement.order_by(c.id).limit(rows).with_for_update(of=signal_keys, skip_locked=True)
    return await fetch_records(tx, SignalKey, statement)


async def _find_active(tx: Transaction, recipient: Recipient, *, after: SignalId | None) -> list[FraudSignal]:
    """Read the next active signals whose category the terms name, waiting for any that is being revoked."""
    c = fraud_signals.c
    statement = select_records(tx, FraudSignal).where(
        c.state == SignalState.ACTIVE.value, c.category.in_(sorted(recipient.categories))
    )
    if after is not None:
        statement = statement.where(c.id > after)
    statement = statement.order_by(c.id).limit(_FILL_ROWS).with_for_update(read=True)
    return await fetch_records(tx, FraudSignal, statement)
