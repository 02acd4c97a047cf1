"""Witnesses of the log: members that cosign checkpoints. The private keys are theirs and must never come here."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed import restorations, witness_table
from ledger.feed.witnesses import (
    WitnessDraft,
    cosign_checkpoint,
    list_witnesses,
    register_witness,
    retire_witness,
)
from ledger.identifiers import Position
from ledger.members.reading import load_members
from schema.authority import FEED_READ, FEED_WITNESS
from schema.feed.proofs import Cosignature
from schema.fields import field
from schema.info import Info
from schema.members.types import Member
from schema.models import Shown, given
from schema.pages import few
from schema.reads import one
from schema.texts import CHECKED

WITNESSES_ASSUMED = 8
RESTORATIONS_ASSUMED = 2


@fed.type(
    description="A witness of the log: a key of a member, outside the gateway, that cosigns checkpoints.",
    requires_scopes=FEED_READ,
)
class Witness(Shown[witness_table.Witness]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    name: str = strawberry.field(description="The key's name.")
    verifier_key: str = strawberry.field(
        description="Its public key in the format of C2SP signed-note. Obtain it from the witness, not from here."
    )
    registered_at: datetime = strawberry.field(description="When it was registered.")
    retired_at: datetime | None = strawberry.field(description="When it was retired; what it cosigned remains valid.")

    member: Member | None = one(
        "The member whose witness it is; null if you may not see that member.", Member, load_members, by="member_id"
    )


@fed.input(description="A witness to be registered.")
class RegisterWitnessInput:
    key: str = strawberry.field(description="Its public key, as `jembatan audit witness --generate` prints it.")
    member_id: strawberry.ID | None = strawberry.field(
        description="The member; yours if absent. Only the regulator's officers may name another.", default=UNSET
    )


@fed.input(description="A witness to be retired.")
class RetireWitnessInput:
    id: strawberry.ID = strawberry.field(description="The witness.")


@fed.input(description="A cosignature of a stored checkpoint.")
class CosignCheckpointInput:
    tree_size: Position = strawberry.field(description="The size of the checkpoint.")
    cosignature: str = strawberry.field(description="The signature line (C2SP tlog-cosignature, Ed25519).")


@fed.type(description="The result of registerWitness.")
class RegisterWitnessPayload:
    witness: Witness | None = strawberry.field(description="The witness.")


@fed.type(description="The result of retireWitness.")
class RetireWitnessPayload:
    witness: Witness | None = strawberry.field(description="The witness as it is now.")


@fed.type(description="The result of cosignCheckpoint.")
class CosignCheckpointPayload:
    cosignature: Cosignature | None = strawberry.field(description="The cosignature as stored.")


@fed.type(
    description=(
        "An announcement by the operator that the log was restored from a backup: entries after restoredTo that you "
        "received before it are lost."
    ),
    requires_scopes=FEED_READ,
)
class LogRestoration(Shown[restorations.LostHistory]):
    restored_to: Position = strawberry.field(description="The last entry of the backup.")
    announced_at: datetime = strawberry.field(description="When it was announced.")
    announced_in: Position | None = strawberry.field(
        description="The entry of the feed that announces it; null if you don't receive it."
    )


@fed.type
class WitnessQueries:
    @field(
        "The announced restores from a backup, oldest first, at most 100.",
        needs=FEED_READ,
        directives=[few(RESTORATIONS_ASSUMED)],
    )
    async def log_restorations(self, info: Info) -> list[LogRestoration] | None:
        found = await info.context.read(restorations.list_lost_histories)
        return [LogRestoration.of(each) for each in found]

    @field("The witnesses of the log, oldest first.", needs=FEED_READ, directives=[few(WITNESSES_ASSUMED)])
    async def witnesses(self, info: Info) -> list[Witness] | None:
        return [Witness.of(each) for each in await info.context.read(list_witnesses)]


@fed.type
class WitnessMutations:
    @field(
        "Register a witness's key for a member. Only the member's officers and the regulator's can do this.",
        needs=FEED_WITNESS,
        extensions=[CHECKED],
    )
    async def register_witness(
        self,
        info: Info,
        input: Annotated[RegisterWitnessInput, strawberry.argument(description="The witness.")],  # noqa: A002
    ) -> RegisterWitnessPayload | None:
        witness = await info.context.write(register_witness, WitnessDraft(**given(input)))
        return RegisterWitnessPayload(witness=Witness.of(witness))

    @field(
        "Retire a witness's key. Only the member's officers and the regulator's can do this.",
        needs=FEED_WITNESS,
        extensions=[CHECKED],
    )
    async def retire_witness(
        self,
        info: Info,
        input: Annotated[RetireWitnessInput, strawberry.argument(description="Which witness.")],  # noqa: A002
    ) -> RetireWitnessPayload | None:
        return RetireWitnessPayload(witness=Witness.of(await info.context.write(retire_witness, input.id)))

    @field("Send the cosignature of a witness of yours; the same again is known.", needs=FEED_WITNESS)
    async def cosign_checkpoint(
        self,
        info: Info,
        input: Annotated[CosignCheckpointInput, strawberry.argument(description="The cosignature.")],  # noqa: A002
    ) -> CosignCheckpointPayload | None:
        """Errors: WITNESS_UNKNOWN, CHECKPOINT_UNKNOWN, COSIGNATURE_INVALID, _TIME_INVALID, _STALE."""
        stored = await info.context.write(cosign_checkpoint, tree_size=input.tree_size, line=input.cosignature)
        return CosignCheckpointPayload(cosignature=Cosignature.of(stored))
