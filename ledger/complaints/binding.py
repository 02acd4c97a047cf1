"""Binding complaints that name an account to the account itself, where the process that filed them didn't.

These are complaints that were filed before accounts were things of their own, and those that a process of such a
version still files beside this one. Nothing of a complaint changes but what it is bound to, which follows from what was
written, so there is no event.
"""

from ledger.accounts.forms import ReadAccount
from ledger.accounts.recording import Seen, count_complaints, ensure_accounts
from ledger.complaints.drafts import name_accused
from ledger.complaints.recounting import recount_accounts
from ledger.complaints.table import Complaint, complaints
from ledger.copies import replace
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, select_records, update_records

_BIND_ROWS = 1_000


async def bind_accounts(tx: Transaction) -> int:
    """The periodic job: bind the next complaints to their accounts. Returns how many, at most 1,000; safe to repeat."""
    async with tx.role(Role.TRANSITION):
        named = [(complaint, _name(complaint)) for complaint in await _lock_unbound(tx)]
        if not named:
            return 0
        ids = await ensure_accounts(tx, [Seen(account, complaint.filed_at) for complaint, account in named])
        bound = [(before, replace(before, account_id=ids[account.key_hash])) for before, account in named]
        await update_records(tx, bound)
        await count_complaints(tx, [(ids[account.key_hash], complaint.filed_at) for complaint, account in named])
        await recount_accounts(tx, sorted(set(ids.values())))
    return len(bound)


async def _lock_unbound(tx: Transaction) -> list[Complaint]:
    c = complaints.c
    statement = select_records(tx, Complaint).where(c.account_platform.is_not(None), c.account_id.is_(None))
    statement = statement.order_by(c.id).limit(_BIND_ROWS).with_for_update(key_share=True, skip_locked=True)
    return await fetch_records(tx, Complaint, statement)


def _name(complaint: Complaint) -> ReadAccount:
    named = name_accused(
        complaint.account_platform, complaint.account_handle, complaint.account_url, e164=complaint.e164
    )
    if named is None:
        raise RuntimeError("A complaint that names a platform names no account.")
    return named
