"""How fields about fraud signals get their values, and which entries of the feed their subscription sends."""

from collections.abc import Sequence

from ledger.errors import UnknownError
from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import parse_id
from ledger.numbers.vocabulary import RiskTier
from ledger.participations.taking_part import require_signal_reader
from ledger.signals.reading import risks_from
from ledger.signals.table import FraudSignal
from ledger.vocabulary import Category
from resolvers.context import Context
from resolvers.loaders import Loaders
from resolvers.sources import Source

ENDINGS = frozenset({EventKind.SIGNAL_EXPIRED, EventKind.SIGNAL_REVOKED})
KINDS = ENDINGS | {
    EventKind.SIGNAL_RAISED,
    EventKind.SIGNAL_CHANGED,
    EventKind.SIGNAL_CORROBORATED,
    EventKind.SIGNAL_UNCORROBORATED,
}
"""Those about contributions and confirmations are not among them: they concern only the member that made them."""


async def get_signal(context: Context, signal_id: str) -> FraudSignal:
    """Return one signal, batched with others of the operation. Errors: UnknownError."""
    known = parse_id(signal_id)
    signal = await context.loaders.signals.load(known) if known else None
    if signal is None:
        raise UnknownError(field="id")
    return signal


def make_source(*, categories: Sequence[Category] | None, minimum_risk: RiskTier | None) -> Source:
    """Return the entries about signals of these categories and at least this risk, and every ending.

    Whoever was sent a signal must learn that it is over, whatever it follows by then; likewise, one who follows only
    grave signals must learn that a signal is no longer grave.
    """
    wanted = frozenset(categories) if categories else None
    grave = frozenset(risks_from(minimum_risk)) if minimum_risk is not None else None

    def accepts(entry: Entry) -> bool:
        if entry.kind in ENDINGS or entry.erased_at is not None:
            return True
        said = entry.payload
        return (wanted is None or said.get("category") in wanted) and (
            grave is None or said.get("risk") in grave or said.get("riskBefore") in grave
        )

    return Source(
        kinds=KINDS,
        accepts=accepts,
        prime=_expect_signals,
        check=require_signal_reader,
        ends_with=frozenset({EventKind.PARTICIPATION_ENDED}),
    )


def _expect_signals(loaders: Loaders, entries: Sequence[Entry]) -> None:
    loaders.expect_signals([entry.subject_id for entry in entries if entry.subject is Subject.FRAUD_SIGNAL])
