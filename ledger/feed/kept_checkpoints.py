"""Checkpoints that a verifier kept from earlier, compared with an export while that is read. Pure.

A checkpoint that no longer holds means that the log shows another history than before, or a shorter one. If the log
itself announces that a backup was restored, the finding says so and names what was lost; it stays a finding, because an
announcement explains a different history and does not make it a good one.
Source: ADR 0098.
"""

from collections.abc import Sequence

from ledger.errors import InvalidInputError
from ledger.feed.audit_files import Header
from ledger.feed.findings import Finding, Tampering, make_finding
from ledger.feed.notes import Checkpoint, SignedCheckpoint, VerifierKey, verify_checkpoint
from ledger.feed.self_records import SelfRecords


class KeptCheckpointError(InvalidInputError):
    """A checkpoint that you kept can't be compared with this export."""

    code = "KEPT_CHECKPOINT_UNUSABLE"


class KeptCheckpoints:
    """The checkpoints that are still to be compared, by size, and the first that did not hold."""

    def __init__(self, header: Header, keys: Sequence[VerifierKey]) -> None:
        """Begin with none."""
        self._header = header
        self._keys = keys
        self._waiting: dict[int, Checkpoint] = {}
        self._split: Finding | None = None

    def add(self, note: str) -> None:
        """Add a checkpoint that the verifier kept. Errors: KeptCheckpointError."""
        header = self._header
        signed = verify_checkpoint(note, origin=header.origin, keys=self._keys)
        if not isinstance(signed, SignedCheckpoint):
            raise KeptCheckpointError(f"A checkpoint that you kept is invalid: {signed.reason}.")
        checkpoint = signed.checkpoint
        latest = verify_checkpoint(header.checkpoint, origin=header.origin, keys=self._keys)
        is_later = isinstance(latest, SignedCheckpoint) and checkpoint.size > latest.checkpoint.size
        if checkpoint.size < header.after or (checkpoint.size > header.until and not is_later):
            raise KeptCheckpointError(
                f"The checkpoint of {checkpoint.size} entries is outside the export.",
                hint="Verify an export whose range includes that size.",
            )
        before = self._waiting.setdefault(checkpoint.size, checkpoint)
        if before != checkpoint:
            raise KeptCheckpointError(
                f"Two checkpoints that you kept have {checkpoint.size} entries but different roots; both are signed.",
                hint="The log presented two histories: keep both notes as evidence.",
            )

    def pop(self, size: int) -> Checkpoint | None:
        """The checkpoint of that size, which is to be compared now."""
        return self._waiting.pop(size, None)

    def split(self, kept: Checkpoint, *, good_size: int) -> None:
        """Note that a checkpoint did not hold; good_size is the size up to which the export is verified."""
        if self._split is None:
            detail = f"the checkpoint of {kept.size} entries that you kept has a different history"
            first = min(good_size + 1, kept.size)
            self._split = make_finding(Tampering.SPLIT_VIEW, first, detail, last=kept.size)

    def find_rolled_back(self, size: int) -> Finding | None:
        """What is found if there are checkpoints that the log of that size does not reach."""
        if not self._waiting:
            return None
        detail = f"you kept a checkpoint of {max(self._waiting)} entries, and the log is shorter now"
        first = min(size + 1, *self._waiting)
        return make_finding(Tampering.ROLLED_BACK, first, detail, last=max(self._waiting))

    def settle(self, finding: Finding | None, records: SelfRecords) -> Finding | None:
        """The finding of the whole export, with what the log announces about it."""
        if finding is not None and finding.tampering is not Tampering.ROLLED_BACK:
            # Found further on: a split without an announcement comes first, one with an announcement excuses nothing.
            unexplained = self._split is not None and records.find_restoration(self._split.last) is None
            return self._split if unexplained else finding
        lost = self._split or finding
        restoration = records.find_restoration(lost.last) if lost is not None else None
        if lost is None or restoration is None:
            return lost
        last = max(lost.last, finding.last if finding is not None else 0)
        detail = (
            f"the history after {restoration.restored_to} was replaced by a restore from a backup, announced at entry "
            f"{restoration.position} on {restoration.announced_at.isoformat()}; what you kept after it is lost"
        )
        return make_finding(Tampering.RESTORED, restoration.restored_to + 1, detail, last=last)
