"""What was already said about the orders of one call, so that a repeated statement and a corrected one are found."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select, text

from ledger.copies import replace
from ledger.errors import LedgerError, UnknownError
from ledger.identifiers import MemberId, parse_id
from ledger.orders.acknowledgement_rules import REFERENCE_LENGTH_MAX, AcknowledgementDraft
from ledger.orders.table import BlockOrder, OrderAcknowledgement, order_acknowledgements
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.records import render_columns
from ledger.storage.roles import Role
from ledger.storage.rows import dump_rows, fetch_records
from ledger.texts import check_reference

_FIND = text(f"""
SELECT {render_columns(OrderAcknowledgement, Role.TRANSITION)}
FROM json_to_recordset(CAST(:keys AS json))
  AS k(order_id uuid, kind text, reference text, corrects_id uuid, corrects_reference text)
JOIN order_acknowledgements ON order_acknowledgements.order_id = k.order_id AND (
  (order_acknowledgements.kind = k.kind AND order_acknowledgements.reference = k.reference)
  OR order_acknowledgements.id = k.corrects_id OR order_acknowledgements.reference = k.corrects_reference)
WHERE order_acknowledgements.carrier_id = CAST(:carrier_id AS uuid) ORDER BY order_acknowledgements.id
""")


@dataclass(slots=True)
class RecordedStatements:
    """The carrier's statements that one call repeats or corrects, by order and oldest first, and all orders' counts."""

    by_order: dict[str, list[OrderAcknowledgement]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    async def find(
        self, tx: Transaction, carrier_id: MemberId, targets: Mapping[int, str], drafts: Sequence[AcknowledgementDraft]
    ) -> None:
        """Read them in two statements; the orders are locked, so none can be added meanwhile."""
        keys = [
            {
                "order_id": order_id,
                "kind": drafts[place].kind,
                "reference": find_reference(drafts[place].reference),
                "corrects_id": parse_id(drafts[place].corrects_id or ""),
                "corrects_reference": find_reference(drafts[place].corrects_reference),
            }
            for place, order_id in targets.items()
        ]
        asked = {"keys": dump_rows(keys), "carrier_id": carrier_id}
        found = {said.id: said for said in await fetch_records(tx, OrderAcknowledgement, _FIND, asked)}
        for said in found.values():
            self.by_order[said.order_id].append(said)
        c = order_acknowledgements.c
        counted = (
            select(c.order_id, func.count().label("said"))
            .where(is_any(c.order_id, sorted(set(targets.values()))))
            .group_by(c.order_id)
        )
        self.counts.update((row.order_id, row.said) for row in await tx.execute(counted))

    def add(self, said: OrderAcknowledgement) -> None:
        """Enter a new statement, so that later items of the same call see it."""
        known = self.by_order[said.order_id]
        known[:] = [replace(each, corrected_by=said.id) if each.id == said.corrects else each for each in known]
        known.append(said)
        self.counts[said.order_id] += 1

    def with_key(self, order_id: str, kind: AcknowledgementKind, reference: str) -> list[OrderAcknowledgement]:
        """The statements of this kind about the order under this reference, one for each version."""
        return [said for said in self.by_order[order_id] if (said.kind, said.reference) == (kind, reference)]

    def corrects_same(self, said: OrderAcknowledgement, draft: AcknowledgementDraft) -> bool:
        """Whether a recorded statement corrects what the draft corrects, which may be nothing."""
        if not draft.is_correction:
            return said.corrects is None
        return said.corrects in {each.id for each in self._named(said.order_id, draft)}

    def get_corrected(self, order: BlockOrder, draft: AcknowledgementDraft) -> OrderAcknowledgement:
        """Return the statement that a draft corrects; of several under one reference, the one that stands, or the last.

        Errors: UnknownError, also for another carrier's statement and one about another order.
        """
        named = self._named(order.id, draft)
        if not named:
            raise UnknownError(
                "There is no such acknowledgement of this order.",
                field="correctsId" if draft.corrects_id is not None else "correctsReference",
            )
        return next((said for said in named if said.id == order.standing_acknowledgement_id), named[-1])

    def _named(self, order_id: str, draft: AcknowledgementDraft) -> list[OrderAcknowledgement]:
        if draft.corrects_id is not None:
            known = parse_id(draft.corrects_id)
            return [said for said in self.by_order[order_id] if said.id == known]
        reference = find_reference(draft.corrects_reference)
        return [said for said in self.by_order[order_id] if said.reference == reference]


def find_reference(written: str | None) -> str | None:
    """Return a reference as it is stored, or None if there is none or it is invalid, so that it matches nothing."""
    if written is None:
        return None
    try:
        return check_reference(written, field="reference", length_max=REFERENCE_LENGTH_MAX)
    except LedgerError:
        return None
