"""A witness at work: takes the newest checkpoint, checks that it continues the last one, cosigns it and sends it.

It never cosigns a tree that it has not proved to continue the last one, and stops for good at the first that does not:
a log that shows two histories is not watched further but reported, with both notes kept as evidence. What it saw is on
disk before its cosignature leaves.
Source: C2SP tlog-cosignature, tlog-witness (the check before cosigning); ADR 0097.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cli.audit.witness_files import PrivateWitnessKey, Seen, keep_evidence, keep_state, read_state
from cli.failures import CommandError
from cli.follow.graph_client import GraphClient
from cli.follow.socket import Remedy, StreamEndedError
from ledger.bounds.backoff import Backoff
from ledger.feed.cosigning import cosign
from ledger.feed.merkle import verify_consistency
from ledger.feed.notes import Checkpoint, SignedCheckpoint, VerifierKey, decode, encode, verify_checkpoint

_CHECKPOINT = "{ checkpoint { note } }"
_PROOF = """query ($first: Position!, $second: Position!) {
  consistencyProof(firstSize: $first, secondSize: $second) { hashes }
}"""
_RESTORATIONS = "{ logRestorations { restoredTo announcedAt announcedIn } }"
_COSIGN = """mutation ($size: Position!, $line: String!) {
  cosignCheckpoint(input: {treeSize: $size, cosignature: $line}) { cosignature { time } }
}"""
_BACKOFF = Backoff(1.0, 60.0)
_RENEWALS_MAX = 3
_DIGITS_MAX = 19


class WitnessAlarmError(CommandError):
    """The log contradicts what the witness saw before; it cosigns nothing more."""

    code = "SPLIT_VIEW"

    def __init__(self, code: str, message: str, *, hint: str | None = None) -> None:
        """Use the code of what was found."""
        super().__init__(message, hint=hint)
        self.code = code  # type: ignore[misc]  # the code of the finding, as `audit verify` names it


@dataclass(slots=True, kw_only=True)
class WitnessAtWork:
    """Owned by the command's task."""

    client: GraphClient
    keys: Sequence[VerifierKey]
    key: PrivateWitnessKey
    state_path: Path
    now: Callable[[], datetime]
    note: Callable[[str], None]
    sent_size: int = -1

    async def run(self, *, every_seconds: float, once: bool) -> None:
        """Watch until told to stop, or take one step. Errors: WitnessAlarmError, CommandError."""
        failures = 0
        while True:
            try:
                await self.take_step()
                failures = 0
            except StreamEndedError as ended:
                failures += 1
                if ended.remedy is Remedy.GIVE_UP or (ended.remedy is Remedy.RENEW and failures > _RENEWALS_MAX):
                    raise WitnessAlarmError(ended.problem, ended.message, hint=ended.hint) from ended
                if once and failures > _RENEWALS_MAX:
                    raise WitnessAlarmError(ended.problem, ended.message, hint=ended.hint) from ended
                self.note(f"{ended.problem}: {ended.message} Again.")
                await asyncio.sleep(_BACKOFF.choose_seconds(failures))
                continue
            if once:
                return
            await asyncio.sleep(every_seconds)

    async def take_step(self) -> None:
        """Take the newest checkpoint; cosign it if it was not. Errors: WitnessAlarmError, StreamEndedError."""
        note = _dig(await self.client.ask(_CHECKPOINT), "checkpoint", "note")
        if not isinstance(note, str):
            self.note("Nothing is signed yet.")
            return
        checkpoint = self._verify(note)
        seen = read_state(self.state_path)
        if seen is not None:
            await self._compare(seen, checkpoint, note)
        if checkpoint.size == self.sent_size:
            return
        root = encode(checkpoint.root)
        keep_state(self.state_path, Seen(origin=checkpoint.origin, size=checkpoint.size, root=root, note=note))
        text = note.partition("\n\n")[0] + "\n"
        line = cosign(text, name=self.key.name, private_key=self.key.private_key, at=self.now())
        await self.client.ask(_COSIGN, size=str(checkpoint.size), line=line.rstrip("\n"))
        self.sent_size = checkpoint.size
        self.note(f"Cosigned {checkpoint.size} entries." if seen else f"Cosigned the first, {checkpoint.size} entries.")

    def _verify(self, note: str) -> Checkpoint:
        signed = verify_checkpoint(note, origin=self.keys[0].name, keys=self.keys)
        if isinstance(signed, SignedCheckpoint):
            return signed.checkpoint
        seen = read_state(self.state_path)
        raise self._alarm("CHECKPOINT_WRONG", f"The checkpoint is not the log's: {signed.reason}.", seen, note)

    async def _compare(self, seen: Seen, checkpoint: Checkpoint, note: str) -> None:
        """Check that the checkpoint continues the last one. Errors: WitnessAlarmError, StreamEndedError."""
        root = decode(seen.root) or b""
        if checkpoint.origin != seen.origin:
            raise self._alarm("CHECKPOINT_WRONG", f"The state is of another log, {seen.origin}.", seen, note)
        if checkpoint.size < seen.size:
            said = f"The log has {checkpoint.size} entries, and had {seen.size}."
            raise await self._explain("ROLLED_BACK", said, seen, note)
        if checkpoint.size == seen.size:
            if checkpoint.root != root:
                said = f"The log shows two trees of {seen.size} entries."
                raise await self._explain("SPLIT_VIEW", said, seen, note)
            return
        answer = await self.client.ask(_PROOF, first=str(seen.size), second=str(checkpoint.size))
        hashes = _dig(answer, "consistencyProof", "hashes")
        proof = [decode(part) or b"" for part in hashes] if isinstance(hashes, list) else []
        verdict = verify_consistency(
            first_size=seen.size,
            first_root=root,
            second_size=checkpoint.size,
            second_root=checkpoint.root,
            proof=proof,
        )
        if not verdict:
            said = f"The log of {checkpoint.size} entries does not continue the one of {seen.size}."
            raise await self._explain("SPLIT_VIEW", said, seen, note, proof=[encode(part) for part in proof])

    async def _explain(
        self, code: str, said: str, seen: Seen, note: str, *, proof: Sequence[str] = ()
    ) -> WitnessAlarmError:
        """The alarm, with the operator's announcement of a restore if one would explain it."""
        try:
            found = _dig(await self.client.ask(_RESTORATIONS), "logRestorations")
        except StreamEndedError:
            found = None
        for told in found if isinstance(found, list) else ():
            match told:
                case {"restoredTo": str() as last, "announcedAt": str() as at} if _is_before(last, seen.size):
                    said += (
                        f" On {at} the operator announced, in entry {told.get('announcedIn')}, that the history after "
                        f"{last} was replaced by a restore from a backup: entries {int(last) + 1} to {seen.size} are "
                        "lost."
                    )
                    return self._alarm("RESTORED", said, seen, note, proof=proof)
        return self._alarm(code, said, seen, note, proof=proof)

    def _alarm(
        self, code: str, said: str, seen: Seen | None, note: str, *, proof: Sequence[str] = ()
    ) -> WitnessAlarmError:
        path = keep_evidence(
            self.state_path, code=code, kept=seen.note if seen else "", presented=note, proof=list(proof)
        )
        hint = f"{path} keeps both notes, which prove it to anyone: show them to the other members and the regulator."
        return WitnessAlarmError(code, f"{said} Nothing was cosigned.", hint=hint)


def _is_before(position: str, size: int) -> bool:
    return position.isdigit() and len(position) <= _DIGITS_MAX and int(position) < size


def _dig(answer: Mapping[str, Any], *names: str) -> Any:
    value: Any = answer
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
