"""Corroboration: how many members stand by a report of what a signal is about.

A contribution counts for the active signal of the same number, epoch and category while its member stands by it; of a
member's contributions any number count once. Contributions about accounts and links count for no signal, since signals
are about numbers. Whoever received the signal learns that the count changed, and never by whom.
Source: domain.md, Signals; docs/adr/0060, 0160.
"""

from collections.abc import Collection

from sqlalchemy import text

from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import ContributionId
from ledger.signals.disclosure import SignalNews, draft_events
from ledger.signals.table import FraudSignal
from ledger.storage.database import Transaction
from ledger.storage.records import render_columns
from ledger.storage.roles import Role
from ledger.storage.rows import write_records
from ledger.viewer import OPERATOR

_LOCK = text("""
SELECT f.id, f.corroboration_count FROM fraud_signals f
WHERE f.state = 'ACTIVE' AND EXISTS (
  SELECT 1 FROM signal_contributions x
  WHERE x.id = ANY(CAST(:ids AS uuid[])) AND x.e164 = f.e164 AND x.epoch = f.epoch AND x.category = f.category)
  AND f.e164 = ANY (SELECT x.e164 FROM signal_contributions x WHERE x.id = ANY(CAST(:ids AS uuid[])))
ORDER BY f.id FOR NO KEY UPDATE
""")

# A separate statement after the lock, so that it sees what another contributor wrote while this one waited.
_RECOUNT = text(f"""
UPDATE fraud_signals SET corroboration_count = v.members, changed_at = :as_of
FROM (
  SELECT s.id, count(DISTINCT x.member_id) AS members
  FROM fraud_signals s
  LEFT JOIN signal_contributions x
    ON x.e164 = s.e164 AND x.epoch = s.epoch AND x.category = s.category AND x.state = 'STANDING'
  WHERE s.id = ANY(CAST(:ids AS uuid[])) GROUP BY s.id
) v
WHERE fraud_signals.id = v.id AND fraud_signals.corroboration_count <> v.members
RETURNING {render_columns(FraudSignal, Role.TRANSITION)}
""")


async def recount_corroboration(tx: Transaction, contribution_ids: Collection[ContributionId]) -> None:
    """Count anew who corroborates the signals that these contributions are about, and tell what changed.

    The contributions are written, and their numbers locked. Runs under the transition role; two statements where no
    signal is about them.
    """
    if not contribution_ids:
        return
    locked = (await tx.execute(_LOCK, {"ids": sorted(contribution_ids)})).all()
    former = {row.id: row.corroboration_count for row in locked}
    if not former:
        return
    changed = await write_records(tx, FraudSignal, _RECOUNT, {"ids": list(former)})
    news = [
        SignalNews(
            signal=signal,
            kind=EventKind.SIGNAL_CORROBORATED
            if signal.corroboration_count > former[signal.id]
            else EventKind.SIGNAL_UNCORROBORATED,
        )
        for signal in changed
    ]
    # Others receive these events, and an actor other than the system would reveal the contributor to them.
    await append_events(tx, await draft_events(tx, news), actor=OPERATOR)
