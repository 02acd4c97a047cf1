"""Signed checkpoints and proofs, with which every member can verify the feed. They must disclose only hashes."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed import proofs, table, witness_table
from ledger.feed.checkpoints import find_checkpoint, list_verifier_keys
from ledger.feed.notes import SIGNATURES_MAX
from ledger.feed.witnesses import cosign_note
from ledger.identifiers import Position
from schema.authority import FEED_READ
from schema.fields import field
from schema.info import Info
from schema.models import Shown, optional
from schema.pages import QUERIED, few
from schema.scalars import Base64

HASHES_ASSUMED = 24
KEYS_ASSUMED = 2
COSIGNATURES_ASSUMED = 4

TreeSize = Annotated[
    Position,
    strawberry.argument(description="The size of the tree to prove it for, preferably that of a checkpoint you hold."),
]


@fed.type(
    description="A witness's cosignature of a checkpoint (C2SP tlog-cosignature), as the gateway verified it.",
    requires_scopes=FEED_READ,
)
class Cosignature(Shown[witness_table.StoredCosignature]):
    witness: str = strawberry.field(description="The name of the witness's key.")
    verifier_key: str = strawberry.field(
        description="Its public key in the format of C2SP signed-note. Obtain it from the witness, not from here."
    )
    line: str = strawberry.field(description="The signature line of the note, without its line break.")

    @field("The time at which the witness had seen no larger tree, in whole seconds.")
    async def time(self) -> datetime:
        return self.row.cosigned_at


@fed.type(
    description="The gateway's signed statement about the feed: the tree's root hash at a given size.",
    requires_scopes=FEED_READ,
)
class Checkpoint(Shown[table.StoredCheckpoint]):
    tree_size: Position = strawberry.field(description="The number of entries in the tree.")
    root_hash: Base64 = strawberry.field(description="The tree's root hash, 32 bytes.")
    note: str = strawberry.field(
        description="The signed note, byte for byte, in the format of C2SP tlog-checkpoint; it is authoritative."
    )
    signed_at: datetime = strawberry.field(description="When it was signed.")

    @field(
        "The cosignatures of witnesses outside the gateway: each states that this checkpoint continues all that the "
        "witness saw before.",
        directives=[few(COSIGNATURES_ASSUMED)],
    )
    async def cosignatures(self, info: Info) -> list[Cosignature] | None:
        found = await info.context.loaders.cosignatures.load(self.row.tree_size)
        return [Cosignature.of(each) for each in found or ()]

    @field("The note with the witnesses' cosignatures beside the log's own signatures; at most 64 lines of both.")
    async def cosigned_note(self, info: Info) -> str | None:
        found = await info.context.loaders.cosignatures.load(self.row.tree_size)
        return cosign_note(self.row.note, found or (), lines_max=SIGNATURES_MAX)


@fed.type(description="A key that signs or has signed checkpoints.", requires_scopes=FEED_READ)
class CheckpointKey(Shown[table.CheckpointKey]):
    verifier_key: str = strawberry.field(
        description=(
            "Its public key in the format of C2SP signed-note. Obtain it once, through a channel that you "
            "trust, and keep it."
        )
    )
    created_at: datetime = strawberry.field(description="When it began to sign.")
    retired_at: datetime | None = strawberry.field(description="When it stopped signing; what it signed remains valid.")


@fed.type(
    description="A proof that a leaf is at a given place in a tree (RFC 6962, section 2.1.1).",
    requires_scopes=FEED_READ,
)
class InclusionProof(Shown[proofs.InclusionProof]):
    position: Position = strawberry.field(description="The entry's place; its index in the tree is one less.")
    leaf_hash: Base64 = strawberry.field(description="The entry's leaf hash, 32 bytes.")
    tree_size: Position = strawberry.field(description="The number of entries in the tree.")
    hashes: list[Base64] = strawberry.field(
        description="The audit path from the leaf upwards.", directives=[few(HASHES_ASSUMED)]
    )


@fed.type(
    description="A proof that a tree begins with an earlier one (RFC 6962, section 2.1.2).", requires_scopes=FEED_READ
)
class ConsistencyProof(Shown[proofs.ConsistencyProof]):
    first_size: Position = strawberry.field(description="The number of entries in the earlier tree.")
    second_size: Position = strawberry.field(description="The number of entries in the later tree.")
    hashes: list[Base64] = strawberry.field(description="The proof's hashes.", directives=[few(HASHES_ASSUMED)])


@fed.type
class ProofQueries:
    @field("The newest signed checkpoint, or the one of a given size; null if none was signed.", needs=FEED_READ)
    async def checkpoint(
        self,
        info: Info,
        tree_size: Annotated[
            Position | None, strawberry.argument(description="The size that the checkpoint was signed for.")
        ] = UNSET,
    ) -> Checkpoint | None:
        found = await info.context.read(find_checkpoint, optional(tree_size))
        return Checkpoint.of(found) if found else None

    @field("The keys that sign or have signed checkpoints.", needs=FEED_READ, directives=[few(KEYS_ASSUMED)])
    async def checkpoint_keys(self, info: Info) -> list[CheckpointKey] | None:
        return [CheckpointKey.of(key) for key in await info.context.read(list_verifier_keys)]

    @field(
        "A proof that the feed has an entry at a given place; it discloses only hashes.",
        needs=FEED_READ,
        directives=[QUERIED],
    )
    async def inclusion_proof(
        self,
        info: Info,
        position: Annotated[Position, strawberry.argument(description="The entry's place in the feed.")],
        tree_size: TreeSize,
    ) -> InclusionProof | None:
        """Errors: POSITION_UNKNOWN, TREE_SIZE_UNKNOWN."""
        proof = await info.context.read(proofs.prove_inclusion, position, tree_size)
        return InclusionProof.of(proof)

    @field("A proof that the feed was only appended to between two checkpoints.", needs=FEED_READ, directives=[QUERIED])
    async def consistency_proof(
        self,
        info: Info,
        first_size: Annotated[Position, strawberry.argument(description="The earlier tree's size.")],
        second_size: Annotated[Position, strawberry.argument(description="The later tree's size.")],
    ) -> ConsistencyProof | None:
        """Errors: TREE_SIZE_UNKNOWN."""
        proof = await info.context.read(proofs.prove_consistency, first_size, second_size)
        return ConsistencyProof.of(proof)
