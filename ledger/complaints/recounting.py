"""Recounting verified complaints: the count and the risk of numbers and accounts follow from them and nothing else.

Numbers are locked before accounts, as filing does, each in a statement before the one that counts, so that the count
sees what the previous holder of the lock wrote.
"""

from collections.abc import Sequence

from sqlalchemy import text

from ledger.accounts.recording import lock_accounts
from ledger.complaints.states import VERIFIED_STATES
from ledger.complaints.table import Complaint
from ledger.numbers.reading import lock_numbers
from ledger.signals.settling import settle_signals
from ledger.storage.database import Transaction
from ledger.storage.roles import Role

_TIER = """CASE WHEN v.complainant_count >= :very_high THEN 'VERY_HIGH'
                WHEN v.complainant_count >= :high THEN 'HIGH'
                WHEN v.complainant_count >= :medium THEN 'MEDIUM'
                ELSE 'NONE' END"""
_TALLY = """count(c.id) AS complaint_count,
         count(DISTINCT coalesce(c.complainant_ref, c.source_id::text)) FILTER (WHERE c.id IS NOT NULL)
           AS complainant_count"""
_COUNT_NUMBERS = text(f"""
UPDATE phone_numbers n SET verified_complaint_count = v.complaint_count, risk = {_TIER}
FROM (
  SELECT p.e164, {_TALLY}
  FROM phone_numbers p
  LEFT JOIN complaints c ON c.e164 = p.e164 AND c.epoch = p.epoch AND c.state = ANY (CAST(:states AS text[]))
  WHERE p.e164 = ANY (CAST(:keys AS text[]))
  GROUP BY p.e164
) v
WHERE n.e164 = v.e164
""")
# Whoever has the number of an account now doesn't answer for what happened before it went to them.
_COUNT_ACCOUNTS = text(f"""
UPDATE accounts n SET verified_complaint_count = v.complaint_count, risk = {_TIER}
FROM (
  SELECT a.id, {_TALLY}
  FROM accounts a
  LEFT JOIN LATERAL (
    SELECT e.starts_at FROM number_epochs e WHERE e.e164 = a.e164 ORDER BY e.epoch DESC LIMIT 1
  ) p ON true
  LEFT JOIN complaints c ON c.account_id = a.id AND c.state = ANY (CAST(:states AS text[]))
    AND coalesce(c.incident_at, c.filed_at) >= coalesce(p.starts_at, '-infinity')
  WHERE a.id = ANY (CAST(:keys AS uuid[]))
  GROUP BY a.id
) v
WHERE n.id = v.id
""")
_FIND_OF_NUMBERS = text("SELECT id FROM accounts WHERE e164 = ANY (CAST(:e164s AS text[]))")


async def recount_verified(tx: Transaction, complaints: Sequence[Complaint]) -> None:
    """Recompute the verified count and the risk of what these complaints are about, and settle the numbers' signals."""
    await recount_numbers(tx, sorted({item.e164 for item in complaints if item.e164 is not None}))
    await recount_accounts(tx, sorted({item.account_id for item in complaints if item.account_id is not None}))


async def recount_numbers(tx: Transaction, e164s: Sequence[str]) -> None:
    """Recompute the verified count, risk and signals of numbers from the complaints of their current epochs."""
    if not e164s:
        return
    async with tx.role(Role.TRANSITION):
        await lock_numbers(tx, e164s)
        counted = await tx.execute(_COUNT_NUMBERS, _parameters(tx, e164s))
    if counted.rowcount != len(e164s):
        raise RuntimeError("The number of a complaint does not exist.")
    await settle_signals(tx, e164s)


async def recount_accounts(tx: Transaction, account_ids: Sequence[str]) -> None:
    """Recompute the verified count and risk of accounts; an account that is a number's by its present assignment."""
    if not account_ids:
        return
    async with tx.role(Role.TRANSITION):
        await lock_accounts(tx, account_ids)
        counted = await tx.execute(_COUNT_ACCOUNTS, _parameters(tx, account_ids))
    if counted.rowcount != len(account_ids):
        raise RuntimeError("The account of a complaint does not exist.")


async def recount_reassigned(tx: Transaction, e164s: Sequence[str]) -> None:
    """Recompute numbers that went to other subscribers, and the accounts that are these numbers."""
    await recount_numbers(tx, e164s)
    async with tx.role(Role.TRANSITION):
        found = await tx.execute(_FIND_OF_NUMBERS, {"e164s": list(e164s)})
    await recount_accounts(tx, sorted(found.scalars()))


def _parameters(tx: Transaction, keys: Sequence[str]) -> dict[str, object]:
    return {
        "keys": list(keys),
        "states": sorted(VERIFIED_STATES),
        "medium": tx.policies.risk_medium_complainants,
        "high": tx.policies.risk_high_complainants,
        "very_high": tx.policies.risk_very_high_complainants,
    }
