"""Redacting evidence: read in one transaction, cut outside of any, kept in another. One at a time in each process."""

import asyncio

from ledger.extracts.cuts import IMAGES, Cuts, RedactionBusyError, cut_image, cut_text
from ledger.extracts.making import keep_extract, open_original
from ledger.extracts.table import EvidenceExtract
from resolvers.context import Context

_turn = asyncio.Lock()
_WAIT_SECONDS = 5.0


async def redact_evidence(context: Context, evidence_id: str, cuts: Cuts) -> EvidenceExtract:
    """Make an extract of a piece of evidence. Errors: those of making and cutting; RedactionBusyError."""
    try:
        await asyncio.wait_for(_turn.acquire(), _WAIT_SECONDS)
    except TimeoutError:
        raise RedactionBusyError from None
    try:
        original = await context.write(open_original, evidence_id, cuts)
        if original.piece.media_type in IMAGES:
            content = await cut_image(original.content, cuts.regions, context.database.policies)
        else:
            content = cut_text(original.content, cuts.ranges)
        return await context.write(keep_extract, original, cuts, content)
    finally:
        _turn.release()
