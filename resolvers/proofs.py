"""How fields about checkpoints and proofs of the feed get their values."""

from collections.abc import Sequence

from ledger.feed import checkpoints, proofs
from ledger.feed.checkpoints import CheckpointKey, StoredCheckpoint
from ledger.feed.proofs import ConsistencyProof, InclusionProof
from ledger.identifiers import Position
from resolvers.context import Context


async def find_checkpoint(context: Context, tree_size: Position | None) -> StoredCheckpoint | None:
    """The checkpoint of a size, or the newest; None where none was signed."""
    if tree_size is None:
        return await context.read(checkpoints.find_latest_checkpoint)
    return await context.read(lambda tx: checkpoints.find_checkpoint(tx, tree_size))


async def list_keys(context: Context) -> Sequence[CheckpointKey]:
    """Every key that checkpoints were signed with, oldest first."""
    return await context.read(checkpoints.list_verifier_keys)


async def prove_inclusion(context: Context, *, position: Position, tree_size: Position) -> InclusionProof:
    """That a position's leaf is in the tree. Errors: PositionUnknownError, TreeSizeUnknownError, TreeDamagedError."""
    return await context.read(lambda tx: proofs.prove_inclusion(tx, position, tree_size))


async def prove_consistency(context: Context, *, first_size: Position, second_size: Position) -> ConsistencyProof:
    """That a tree begins with an earlier one. Errors: TreeSizeUnknownError, TreeDamagedError."""
    return await context.read(lambda tx: proofs.prove_consistency(tx, first_size, second_size))
