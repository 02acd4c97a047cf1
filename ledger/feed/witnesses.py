"""Witnesses of the log: members that keep checkpoints, check that each continues the one before, and cosign it.

A cosignature is verified before it is stored, and a witness's cosignatures only go forward: neither an older tree nor
an older time replaces a newer one. So whoever reads the newest knows up to where, and until when, someone outside the
gateway saw one history. A witness belongs to a member; only that member can send its cosignatures.
Source: C2SP tlog-cosignature; ADR 0097.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import text

from ledger.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    OfficerRequiredError,
    StateConflictError,
    UnknownError,
)
from ledger.feed.checkpoints import find_checkpoint, list_verifier_keys
from ledger.feed.cosigning import Cosignature, WitnessKey, is_cosigned, parse_cosignature, parse_witness_key
from ledger.feed.events import EventDraft, append_events
from ledger.feed.log_times import CLOCK_SKEW_MAX
from ledger.feed.notes import parse_verifier_key
from ledger.feed.table import StoredCheckpoint
from ledger.feed.verification import WitnessKeyError
from ledger.feed.vocabulary import EventKind, Subject, WitnessChange
from ledger.feed.witness_table import StoredCosignature, Witness, feed_cosignatures, feed_witnesses
from ledger.identifiers import MemberId, WitnessId, new_id, parse_id
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, insert_records, lock_records, select_records, update_records
from ledger.viewer import Viewer, ViewerKind

WITNESSES_MAX = 8
"""How many keys a member may have registered and not retired."""
COSIGNATURES_KEPT_MAX = 1_000
"""How many cosignatures of a witness are kept, the newest."""

_FIND_MEMBER = text("SELECT id FROM members WHERE id = CAST(:id AS uuid)")
_FORGET = text("""
DELETE FROM feed_cosignatures WHERE witness_id = CAST(:witness_id AS uuid) AND tree_size <= (
  SELECT tree_size FROM feed_cosignatures WHERE witness_id = CAST(:witness_id AS uuid)
  ORDER BY tree_size DESC OFFSET :kept LIMIT 1
)
""")
_NEWEST = text("""
SELECT tree_size, cosigned_at FROM feed_cosignatures WHERE witness_id = CAST(:witness_id AS uuid)
ORDER BY tree_size DESC LIMIT 1
""")


class WitnessKeyTakenError(ConflictError):
    """This key is registered already, or is one of the log's own."""

    code = "WITNESS_KEY_TAKEN"
    hint = "Make a new key for each witness; its name is part of what verifiers configure."


class TooManyWitnessesError(ConflictError):
    """The member has as many witnesses as it may have."""

    code = "TOO_MANY_WITNESSES"
    hint = "Retire one that is no longer used."


class WitnessUnknownError(UnknownError):
    """No witness of yours has this name and key, or its key is retired."""

    code = "WITNESS_UNKNOWN"
    hint = "An officer of yours, or the operator, registers the key first."


class CheckpointUnknownError(UnknownError):
    """No checkpoint of this size is stored."""

    code = "CHECKPOINT_UNKNOWN"
    hint = "Cosign a checkpoint that the gateway served."


class CosignatureInvalidError(InvalidInputError):
    """This is not a cosignature of that checkpoint by the witness that it names."""

    code = "COSIGNATURE_INVALID"
    hint = "Sign cosignature/v1 over the note's text, byte for byte (C2SP tlog-cosignature, Ed25519)."


class CosignatureTimeError(InvalidInputError):
    """The cosignature's time has not come yet, or is before the checkpoint was signed."""

    code = "COSIGNATURE_TIME_INVALID"
    hint = "Set the witness's clock."


class CosignatureStaleError(ConflictError):
    """The witness has cosigned a larger tree already, or this one at a later time."""

    code = "COSIGNATURE_STALE"
    hint = "Cosign the newest checkpoint. If the witness never sent a later one, someone else uses its key."


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessDraft:
    """A witness's key in its published form, and the member that it is for; None for the viewer's own."""

    key: str
    member_id: str | None = None


async def register_witness(tx: Transaction, draft: WitnessDraft) -> Witness:
    """Register a witness of a member: of any for the regulator's officers and the operator, else of the officer's own.

    Errors: ForbiddenError, OfficerRequiredError, UnknownError, WitnessKeyError, WitnessKeyTakenError,
    TooManyWitnessesError.
    """
    key = parse_witness_key(draft.key.strip())
    if key is None:
        raise WitnessKeyError(field="key")
    member_id = _require_member(tx.viewer, parse_id(draft.member_id) if draft.member_id is not None else None)
    await _check_not_the_logs_own(tx, key)
    async with tx.role(Role.TRANSITION):
        if member_id is None or (await tx.execute(_FIND_MEMBER, {"id": member_id})).first() is None:
            raise UnknownError("There is no such member.", field="memberId")
        await _check_room(tx, member_id)
        witness = Witness(
            id=WitnessId(new_id()),
            member_id=member_id,
            name=key.name,
            verifier_key=key.render(),
            public_key=key.public_key,
            registered_by=tx.viewer.officer_id,
            registered_at=tx.as_of,
        )
        await insert_records(tx, [witness], violations={"uq_feed_witnesses_public_key": WitnessKeyTakenError})
    await append_events(tx, [_event(witness, WitnessChange.REGISTERED)])
    return witness


async def retire_witness(tx: Transaction, witness_id: str) -> Witness:
    """End a witness; what it cosigned remains valid. Errors: ForbiddenError, OfficerRequiredError, UnknownError.

    StateConflictError if it is retired already.
    """
    _require_member(tx.viewer, None)
    known = parse_id(witness_id)
    async with tx.role(Role.TRANSITION):
        witness = (await lock_records(tx, Witness, [known])).get(known) if known else None
        if witness is None or not _is_in_charge(tx.viewer, witness.member_id):
            raise UnknownError("There is no such witness.", field="id")
        if witness.retired_at is not None:
            raise StateConflictError("The witness is already retired.", field="id")
        (retired,) = await update_records(tx, [(witness, replace(witness, retired_at=tx.as_of))])
    await append_events(tx, [_event(retired, WitnessChange.RETIRED)])
    return retired


async def list_witnesses(tx: Transaction) -> list[Witness]:
    """All witnesses, oldest first, for any viewer."""
    c = feed_witnesses.c
    return await fetch_records(tx, Witness, select_records(tx, Witness).order_by(c.registered_at, c.id))


async def load_cosignatures(tx: Transaction, tree_sizes: Sequence[int]) -> dict[int, list[StoredCosignature]]:
    """The cosignatures of checkpoints by their sizes, in the order of the witnesses' names, for any viewer."""
    c = feed_cosignatures.c
    statement = select_records(tx, StoredCosignature).where(c.tree_size.in_(list(tree_sizes)))
    found: dict[int, list[StoredCosignature]] = {}
    for each in await fetch_records(tx, StoredCosignature, statement.order_by(c.tree_size, c.witness, c.witness_id)):
        found.setdefault(each.tree_size, []).append(each)
    return found


async def cosign_checkpoint(tx: Transaction, *, tree_size: int, line: str) -> StoredCosignature:
    """Store a cosignature of the checkpoint of that size by a witness of the viewer's member; the same again is known.

    Errors: ForbiddenError, CosignatureInvalidError, WitnessUnknownError, CheckpointUnknownError, CosignatureTimeError,
    CosignatureStaleError.
    """
    member_id = tx.viewer.member_id
    if member_id is None or tx.viewer.kind is ViewerKind.OPERATOR:
        raise ForbiddenError
    cosignature = parse_cosignature(line.removesuffix("\n"))
    if cosignature is None:
        raise CosignatureInvalidError(field="cosignature")
    checkpoint = await find_checkpoint(tx, tree_size)
    async with tx.role(Role.TRANSITION):
        witness = await _lock_witness(tx, member_id, cosignature)
        if checkpoint is None:
            raise CheckpointUnknownError(field="treeSize")
        _check_cosignature(tx, checkpoint, cosignature, witness)
        stored = StoredCosignature(
            witness_id=witness.id,
            tree_size=tree_size,
            witness=witness.name,
            verifier_key=witness.verifier_key,
            line=line.removesuffix("\n"),
            cosigned_at=cosignature.cosigned_at,
            received_at=tx.as_of,
        )
        kept = await _keep(tx, stored)
    async with tx.role(Role.RETENTION):
        await tx.execute(_FORGET, {"witness_id": witness.id, "kept": COSIGNATURES_KEPT_MAX})
    return kept


def cosign_note(note: str, cosignatures: Sequence[StoredCosignature], *, lines_max: int) -> str:
    """The note with the cosignatures after the log's own signatures, with lines_max signature lines at the most."""
    own = note.partition("\n\n")[2].count("\n")
    return note + "".join(f"{each.line}\n" for each in cosignatures[: max(0, lines_max - own)])


async def _keep(tx: Transaction, stored: StoredCosignature) -> StoredCosignature:
    """Store it if it goes forward. Errors: CosignatureStaleError."""
    found = await load_cosignatures(tx, [stored.tree_size])
    before = next((each for each in found.get(stored.tree_size, ()) if each.witness_id == stored.witness_id), None)
    if before is not None and before.line == stored.line:
        return before
    newest = (await tx.execute(_NEWEST, {"witness_id": stored.witness_id})).one_or_none()
    if newest is not None and (stored.tree_size < newest.tree_size or stored.cosigned_at < newest.cosigned_at):
        raise CosignatureStaleError(field="cosignature")
    if before is not None:
        (kept,) = await update_records(tx, [(before, stored)])
        return kept
    await insert_records(tx, [stored])
    return stored


async def _lock_witness(tx: Transaction, member_id: MemberId, cosignature: Cosignature) -> Witness:
    """The member's witness that the line names, locked, so that its cosignatures are stored one after another."""
    c = feed_witnesses.c
    wanted = (c.member_id == member_id, c.name == cosignature.name, c.retired_at.is_(None))
    statement = select_records(tx, Witness).where(*wanted).with_for_update(key_share=True)
    for witness in await fetch_records(tx, Witness, statement):
        if WitnessKey(name=witness.name, public_key=witness.public_key).key_id == cosignature.key_id:
            return witness
    raise WitnessUnknownError(field="cosignature")


def _check_cosignature(
    tx: Transaction, checkpoint: StoredCheckpoint, cosignature: Cosignature, witness: Witness
) -> None:
    """Errors: CosignatureInvalidError, CosignatureTimeError."""
    text_signed = checkpoint.note.partition("\n\n")[0] + "\n"
    if not is_cosigned(text_signed, cosignature, WitnessKey(name=witness.name, public_key=witness.public_key)):
        raise CosignatureInvalidError(field="cosignature")
    earliest, latest = checkpoint.signed_at - CLOCK_SKEW_MAX, tx.as_of + CLOCK_SKEW_MAX
    if not earliest <= cosignature.cosigned_at <= latest:
        raise CosignatureTimeError(field="cosignature")


async def _check_not_the_logs_own(tx: Transaction, key: WitnessKey) -> None:
    """Errors: WitnessKeyTakenError."""
    async with tx.role(Role.ARCHIVE):
        keys = await list_verifier_keys(tx)
    logs_own = [parse_verifier_key(each.verifier_key) for each in keys]
    if any(own is not None and (own.name == key.name or own.public_key == key.public_key) for own in logs_own):
        raise WitnessKeyTakenError(field="key")


async def _check_room(tx: Transaction, member_id: MemberId) -> None:
    """Errors: TooManyWitnessesError."""
    active = [each for each in await list_witnesses(tx) if each.retired_at is None and each.member_id == member_id]
    if len(active) >= WITNESSES_MAX:
        raise TooManyWitnessesError(field="memberId")


def _require_member(viewer: Viewer, wanted: str | None) -> MemberId | None:
    """The member that a witness is for, if the viewer is in charge. Errors: ForbiddenError, OfficerRequiredError."""
    if viewer.kind is not ViewerKind.OPERATOR and viewer.officer_id is None:
        raise OfficerRequiredError
    member_id = MemberId(wanted) if wanted is not None else viewer.member_id
    if member_id is not None and not _is_in_charge(viewer, member_id):
        raise ForbiddenError
    return member_id


def _is_in_charge(viewer: Viewer, member_id: MemberId) -> bool:
    return viewer.kind in {ViewerKind.OPERATOR, ViewerKind.REGULATOR} or viewer.member_id == member_id


def _event(witness: Witness, change: WitnessChange) -> EventDraft:
    return EventDraft(
        kind=EventKind.WITNESS_CHANGED,
        subject=Subject.MEMBER,
        subject_id=witness.member_id,
        audience=[witness.member_id],
        payload={"witnessId": witness.id, "change": change.value},
    )
