"""How fields about acknowledgements and extensions get their values."""

from collections.abc import Sequence

from ledger.errors import Problem
from ledger.orders import acknowledgements, extensions
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import AcknowledgedOrder
from ledger.orders.acknowledgements_table import OrderExtension
from ledger.orders.extensions import ExtensionDecision
from resolvers.context import Context


async def acknowledge_orders(
    context: Context, drafts: Sequence[AcknowledgementDraft]
) -> list[AcknowledgedOrder | Problem]:
    """Record what a carrier says, item by item."""
    return await context.write(lambda tx: acknowledgements.acknowledge_block_orders(tx, drafts))


async def decide_extensions(context: Context, decisions: Sequence[ExtensionDecision]) -> list[OrderExtension | Problem]:
    """Decide on requests for more time, item by item."""
    return await context.write(lambda tx: extensions.decide_extensions(tx, decisions))
