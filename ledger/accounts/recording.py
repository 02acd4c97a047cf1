"""Recording accounts: finding or making many in one statement, locking them, and counting the complaints about them.

Locks are taken in one order, numbers before accounts before complaints that are filed, and accounts by key when they
are made and by id when they are locked, so that calls that name the same accounts at once wait and don't deadlock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from ledger.accounts.forms import ReadAccount
from ledger.accounts.table import Account
from ledger.identifiers import AccountId, new_id
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import dump_rows, lock_records

_ENSURE = text("""
INSERT INTO accounts (id, key_hash, platform, platform_name, kind, handle, e164, first_seen_at, last_seen_at)
SELECT n.id, n.key_hash, n.platform, n.platform_name, n.kind, n.handle, n.e164, n.first_seen_at, n.last_seen_at
FROM json_to_recordset(CAST(:accounts AS json))
  AS n(id uuid, key_hash text, platform text, platform_name text, kind text, handle text, e164 text,
       first_seen_at timestamptz, last_seen_at timestamptz)
ORDER BY n.key_hash
ON CONFLICT (key_hash) DO NOTHING
""")
_LOCK = text("""
SELECT id, key_hash FROM accounts WHERE key_hash = ANY (CAST(:key_hashes AS text[])) ORDER BY id FOR NO KEY UPDATE
""")
_COUNT = text("""
UPDATE accounts a
SET complaint_count = a.complaint_count + d.filed_count,
    first_seen_at = least(a.first_seen_at, d.first_seen_at),
    last_seen_at = greatest(a.last_seen_at, d.last_seen_at)
FROM json_to_recordset(CAST(:counts AS json))
  AS d(id uuid, filed_count integer, first_seen_at timestamptz, last_seen_at timestamptz)
WHERE a.id = d.id
""")


@dataclass(frozen=True, slots=True)
class Seen:
    """An account that was named, and when: usually when the complaint about it was filed."""

    account: ReadAccount
    at: datetime


async def ensure_accounts(tx: Transaction, seen: Sequence[Seen]) -> dict[str, AccountId]:
    """Store those of the accounts that are new, lock all until the transaction ends, and return their ids by key_hash.

    It runs two statements, however many accounts there are, under the transition role.
    """
    named: dict[str, list[Seen]] = {}
    for each in seen:
        named.setdefault(each.account.key_hash, []).append(each)
    if not named:
        return {}
    rows = [
        {
            "id": new_id(),
            "key_hash": key_hash,
            "platform": same[0].account.platform,
            "platform_name": same[0].account.platform_name,
            "kind": same[0].account.kind,
            "handle": same[0].account.handle,
            "e164": same[0].account.e164,
            "first_seen_at": min(each.at for each in same),
            "last_seen_at": max(each.at for each in same),
        }
        for key_hash, same in named.items()
    ]
    async with tx.role(Role.TRANSITION):
        await tx.execute(_ENSURE, {"accounts": dump_rows(rows)})
        found = (await tx.execute(_LOCK, {"key_hashes": list(named)})).all()
    return {row.key_hash: AccountId(row.id) for row in found}


async def lock_accounts(tx: Transaction, ids: Sequence[str]) -> dict[str, Account]:
    """Lock known accounts in the order of their ids until the transaction ends. Runs under the transition role."""
    async with tx.role(Role.TRANSITION):
        return await lock_records(tx, Account, ids)


async def count_complaints(tx: Transaction, filed: Sequence[tuple[AccountId, datetime]]) -> None:
    """Increase the counts of accounts that this transaction has locked by the complaints that were filed about them."""
    times: dict[AccountId, list[datetime]] = {}
    for account_id, filed_at in filed:
        times.setdefault(account_id, []).append(filed_at)
    if not times:
        return
    counts = [
        {"id": account_id, "filed_count": len(at), "first_seen_at": min(at), "last_seen_at": max(at)}
        for account_id, at in times.items()
    ]
    async with tx.role(Role.TRANSITION):
        counted = await tx.execute(_COUNT, {"counts": dump_rows(counts)})
    if counted.rowcount != len(counts):
        raise RuntimeError("An account that this transaction locked no longer exists.")
