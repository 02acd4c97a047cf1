"""Reading proposed overrides of the numbering plan, which only the regulator and the operator may see."""

from dataclasses import dataclass
from typing import Annotated

from ledger.filters import among, equals
from ledger.lists import RecordList
from ledger.numbers.states import OverrideState
from ledger.numbers.table import OverrideProposal
from ledger.pages import Listing, Page, PageRequest
from ledger.permissions import REGULATOR_OR_OPERATOR
from ledger.storage.database import Transaction

_PROPOSALS = Listing("override_proposals", OverrideProposal, ("-id",))


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideFilter:
    """Which proposals to return. An empty tuple or None does not filter; number is E.164."""

    states: Annotated[tuple[OverrideState, ...], among("state")] = ()
    number: Annotated[str | None, equals("e164")] = None
    order_id: Annotated[str | None, equals("order_id")] = None
    holder_id: Annotated[str | None, equals("holder_id")] = None


OVERRIDE_PROPOSALS = RecordList(OverrideProposal, {None: _PROPOSALS}, OverrideFilter, kinds=REGULATOR_OR_OPERATOR)


async def list_override_proposals(
    tx: Transaction, page: PageRequest, wanted: OverrideFilter | None = None
) -> Page[OverrideProposal]:
    """Return proposals, newest first. Errors: ForbiddenError, CursorInvalidError."""
    return await OVERRIDE_PROPOSALS.fetch(tx, page, wanted)
