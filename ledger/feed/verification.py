"""Verifies an export of the feed line by line, without holding it in memory. Pure: no database, no network.

It hashes every entry again, builds the tree over the leaf hashes, and compares it with every checkpoint in the export
and with those that the verifier kept. It stops at the first discrepancy and reports where and what it is. Entries
without content are verified by their hash, and the log's own records must show that they were erased or archived. An
export that is only a part of what its checkpoint covers is reported as cut, never as the whole.
Source: design section 5; RFC 9162 section 2.1; ADR 0055 and 0096.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any

import orjson

from ledger.errors import InvalidInputError
from ledger.feed.audit_files import CheckpointLine, EntryLine, ExportUnreadableError, Footer, Header, parse_line
from ledger.feed.cosigning import WitnessKey, is_cosigned, parse_cosignature, parse_witness_key
from ledger.feed.findings import Finding, Tampering
from ledger.feed.findings import make_finding as _found
from ledger.feed.kept_checkpoints import KeptCheckpointError, KeptCheckpoints
from ledger.feed.log_times import CLOCK_SKEW_MAX, LogTimes
from ledger.feed.merkle import GrowingTree, hash_leaf, verify_consistency
from ledger.feed.notes import (
    Checkpoint,
    NoteFault,
    SignedCheckpoint,
    VerifierKey,
    parse_verifier_key,
    verify_checkpoint,
)
from ledger.feed.self_records import SelfRecords, read_moment

__all__ = ["Account", "Finding", "KeptCheckpointError", "Tampering", "VerifierKeyError", "parse_keys", "verify_export"]

_AHEAD_LINES = 1_000


@dataclass(slots=True, kw_only=True)
class WitnessAccount:
    """The newest checkpoint that a witness's valid cosignature covers; tree_size is 0 if there is none."""

    key: str
    tree_size: int = 0
    cosigned_at: datetime | None = None
    cosignatures: int = 0


@dataclass(slots=True, kw_only=True)
class Account:
    """What was verified; finding is None if there is no discrepancy.

    signed_size is the size of the checkpoint that covers the export, 0 until that is verified. erasures_untold are
    erased entries of a part whose record, if there is one, follows after its end.
    """

    header: Header
    verified_by: list[str]
    is_key_from_export: bool
    root: bytes = b""
    signed_size: int = 0
    entries: int = 0
    with_content: int = 0
    erased: int = 0
    erasures_untold: int = 0
    archived: int = 0
    checkpoints: int = 0
    checkpoints_of_unknown_keys: int = 0
    kept_checkpoints: int = 0
    witnesses: list[WitnessAccount] = field(default_factory=list)
    finding: Finding | None = None

    @property
    def is_cut(self) -> bool:
        """Whether the export has only a part of the entries that its checkpoint covers."""
        return self.header.after > 0 or self.header.until < self.signed_size


class VerifierKeyError(InvalidInputError):
    """This is not a checkpoint key."""

    code = "VERIFIER_KEY_INVALID"
    hint = "A key looks like name+0123abcd+base64; `jembatan audit keys` prints those of an installation."


class WitnessKeyError(InvalidInputError):
    """This is not the key of a witness."""

    code = "WITNESS_KEY_INVALID"
    hint = "A witness's key looks like name+0123abcd+base64 and is of type cosignature/v1, Ed25519."


def parse_keys(texts: Sequence[str]) -> list[VerifierKey]:
    """The keys from their published form. Errors: VerifierKeyError."""
    keys = [parse_verifier_key(text.strip()) for text in texts]
    found = [key for key in keys if key is not None]
    if len(found) != len(keys):
        raise VerifierKeyError
    return found


def parse_witness_keys(texts: Sequence[str]) -> list[WitnessKey]:
    """Witnesses' keys from their published form. Errors: WitnessKeyError."""
    keys = [parse_witness_key(text.strip()) for text in texts]
    found = [key for key in keys if key is not None]
    if len(found) != len(keys):
        raise WitnessKeyError
    return found


def verify_export(
    lines: Iterator[bytes],
    *,
    keys: Sequence[VerifierKey] = (),
    kept_notes: Sequence[str] = (),
    witness_keys: Sequence[WitnessKey] = (),
    as_of: datetime | None = None,
    note: Callable[[int], None] = lambda _entries: None,
) -> Account:
    """Verify an export given as lines; note is called from time to time with the number of entries read.

    keys are those that the verifier trusts; without any, the export's own keys are used, and the account says so.
    kept_notes are checkpoints that the verifier kept from earlier; witness_keys those of witnesses each of which must
    have cosigned. as_of is the verifier's clock; without it, the export's own time is believed.
    Errors: ExportUnreadableError, KeptCheckpointError, VerifierKeyError.
    """
    header = parse_line(next(lines, b""))
    if not isinstance(header, Header) or header.after > header.until or len(header.peaks) != header.after.bit_count():
        raise ExportUnreadableError
    verifier = _Verifier(header, keys, witness_keys, note)
    for kept in kept_notes:
        verifier.kept.add(kept)
    wrong = verifier.times.check_export(as_of) if as_of is not None else None
    if wrong is not None:
        verifier.account.finding = _found(Tampering.TIME, header.after + 1, wrong, last=header.until)
        return verifier.account
    finding = verifier.read(lines)
    if finding is not None:
        finding = verifier.find_first(finding)
    verifier.account.finding = verifier.kept.settle(finding, verifier.records)
    return verifier.account


class _Verifier:
    """Reads an export line by line. The methods that take or check a part return the first discrepancy."""

    def __init__(
        self,
        header: Header,
        keys: Sequence[VerifierKey],
        witness_keys: Sequence[WitnessKey],
        note: Callable[[int], None],
    ) -> None:
        self.header = header
        self.keys = keys or parse_keys(header.keys)
        self.note = note
        self.account = Account(
            header=header, verified_by=[key.render() for key in self.keys], is_key_from_export=not keys
        )
        self.account.witnesses = [WitnessAccount(key=key.render()) for key in witness_keys]
        self.witnesses = list(zip(witness_keys, self.account.witnesses, strict=True))
        self.tree = GrowingTree.resume(header.peaks, size=header.after)
        self.records = SelfRecords()
        self.times = LogTimes(header.exported_at)
        self.kept = KeptCheckpoints(header, self.keys)
        self.good_size = header.after
        self.lines_of_checkpoints = 0
        self.suspect: tuple[int, GrowingTree] | None = None

    def find_first(self, finding: Finding) -> Finding:
        """The finding, or an earlier entry whose content did not match its leaf hash."""
        if self.suspect is None or finding.first <= self.suspect[0]:
            return finding
        return self.settle_suspect(None) or finding

    def read(self, lines: Iterator[bytes]) -> Finding | None:
        """Read to the footer, or to the first discrepancy."""
        finding = self.check_kept()
        for raw in lines:
            if finding is not None:
                return finding
            line = parse_line(raw) if raw.endswith(b"\n") else None
            match line:
                case EntryLine():
                    finding = self.take_entry(line, lines)
                case CheckpointLine():
                    finding = self.take_checkpoint(line)
                case Footer():
                    return self.finish(line, lines)
                case _:
                    return self.refuse_line(raw)
        return finding or _found(
            Tampering.TRUNCATED, self.tree.size + 1, "the file ends before its footer", last=self.header.until
        )

    def refuse_line(self, raw: bytes) -> Finding:
        if not raw.endswith(b"\n"):
            detail = "the file ends in the middle of a line"
            return _found(Tampering.TRUNCATED, self.tree.size + 1, detail, last=self.header.until)
        return _found(Tampering.LINE, self.tree.size + 1, "the line is not valid in an export")

    def take_entry(self, line: EntryLine, lines: Iterator[bytes]) -> Finding | None:
        expected = self.tree.size + 1
        if line.position != expected:
            return self.refuse_position(line.position, expected, lines)
        if line.position > self.header.until:
            return _found(Tampering.ENTRY_OUT_OF_ORDER, line.position, "it is after the end of the export")
        computed = self.check_entry(line)
        if isinstance(computed, Finding):
            return computed
        if self.suspect is not None:
            self.suspect[1].append(line.leaf_hash)
        elif computed != line.leaf_hash:
            other = GrowingTree.resume(self.tree.list_peaks(), size=self.tree.size)
            other.append(computed)
            self.suspect = (line.position, other)
        self.tree.append(line.leaf_hash)
        self.account.entries += 1
        if self.account.entries % _AHEAD_LINES == 0:
            self.note(self.account.entries)
        return self.check_kept()

    def refuse_position(self, position: int, expected: int, lines: Iterator[bytes]) -> Finding:
        if position < expected:
            detail = "it already occurred in the export" if position > self.header.after else "it is before the export"
            return _found(Tampering.ENTRY_DOUBLED, position, detail)
        ahead = (parse_line(raw) for raw in islice(lines, _AHEAD_LINES))
        if any(isinstance(line, EntryLine) and line.position == expected for line in ahead):
            return _found(Tampering.ENTRY_OUT_OF_ORDER, expected, f"position {position} comes before it")
        detail = f"position {position} follows {expected - 1}"
        return _found(Tampering.ENTRY_MISSING, expected, detail, last=position - 1)

    def check_entry(self, line: EntryLine) -> bytes | Finding:
        """The leaf hash computed from the content, or the stated one if there is no content."""
        if line.entry is None or line.salt is None:
            return self.check_absence(line) or self.check_times(line, None) or line.leaf_hash
        self.account.with_content += 1
        if line.erased_at is not None:
            return _found(Tampering.ERASURE_MARK, line.position, "it is marked as erased but has its content")
        computed = hash_leaf(line.salt + line.entry.encode("utf-8", "surrogatepass"))
        told = _read_object(line.entry)
        finding = self.check_reserved(line, told, is_leaf_good=computed == line.leaf_hash)
        if finding is None and computed == line.leaf_hash:
            finding = self.check_times(line, told)
            self.records.take(line.position, told, _read_object(line.reserved or ""))
        return finding or computed

    def check_absence(self, line: EntryLine) -> Finding | None:
        if line.position < self.header.oldest_position:
            self.account.archived += 1
            self.records.archived_until = line.position
        elif line.erased_at is None:
            return _found(
                Tampering.CONTENT_MISSING,
                line.position,
                "its content is missing although it was neither erased nor archived",
            )
        elif line.erased_at > self.header.exported_at + CLOCK_SKEW_MAX:
            detail = f"it is marked as erased at {line.erased_at.isoformat()}, after the export was written"
            return _found(Tampering.ERASURE_TIME, line.position, detail)
        else:
            self.account.erased += 1
            self.records.note_erased(line.position, line.erased_at)
        return None

    def check_times(self, line: EntryLine, told: Mapping[str, Any] | None) -> Finding | None:
        recorded_at = read_moment(told, "recordedAt") if told is not None else None
        wrong = self.times.check_entry(recorded_at=recorded_at, sequenced_at=line.sequenced_at)
        return _found(Tampering.TIME, line.position, wrong) if wrong is not None else None

    def check_reserved(self, line: EntryLine, told: Mapping[str, Any], *, is_leaf_good: bool) -> Finding | None:
        entry = line.entry or ""
        if line.reserved is None or line.reserved_salt is None:
            return _found(Tampering.RESERVED, line.position, "its reserved part or that part's salt is missing")
        computed = sha256(line.reserved_salt + line.reserved.encode("utf-8", "surrogatepass")).hexdigest()
        stated = str(told.get("reserved"))
        if computed == stated:
            return None
        if is_leaf_good:
            return _found(Tampering.RESERVED, line.position, "who acted, or who may get it, is not what was hashed")
        restored = (line.salt or b"") + entry.replace(stated, computed).encode("utf-8", "surrogatepass")
        if hash_leaf(restored) == line.leaf_hash:
            return _found(Tampering.RESERVED_HASH, line.position, "the stored hash of its reserved part was changed")
        return None

    def take_checkpoint(self, line: CheckpointLine) -> Finding | None:
        self.lines_of_checkpoints += 1
        signed = verify_checkpoint(line.note, origin=self.header.origin, keys=self.keys)
        if isinstance(signed, SignedCheckpoint):
            return self.compare_checkpoint(line, signed.checkpoint) or self.check_beside(line)
        if signed.reason is not NoteFault.KEY_UNKNOWN:
            return self.refuse_checkpoint(f"a checkpoint after it is invalid: {signed.reason}")
        self.account.checkpoints_of_unknown_keys += 1
        return None

    def compare_checkpoint(self, line: CheckpointLine, checkpoint: Checkpoint) -> Finding | None:
        size = self.tree.size
        if (line.tree_size, line.root_hash) != (checkpoint.size, checkpoint.root):
            return self.refuse_checkpoint("a checkpoint's columns differ from its note")
        if checkpoint.size != size:
            return self.refuse_checkpoint(f"a checkpoint of {checkpoint.size} entries follows entry {size}")
        finding = self.settle_suspect(checkpoint.root)
        if finding is not None:
            return finding
        if self.tree.compute_root() != checkpoint.root:
            return self.refuse_root(size, "the signed root differs from that of the entries")
        self.good_size = size
        self.account.checkpoints += 1
        return None

    def check_beside(self, line: CheckpointLine) -> Finding | None:
        """Check what stands beside a checkpoint that is good: its time, and the witnesses' cosignatures."""
        wrong = self.times.check_checkpoint(line.signed_at)
        if wrong is not None:
            return _found(Tampering.TIME, line.tree_size, wrong)
        text = line.note.partition("\n\n")[0] + "\n"
        parsed = [cosignature for each in line.cosignatures if (cosignature := parse_cosignature(each)) is not None]
        for key, account in self.witnesses:
            for cosignature in parsed:
                if (cosignature.name, cosignature.key_id) != (key.name, key.key_id):
                    continue
                if not is_cosigned(text, cosignature, key):
                    detail = f"the cosignature of {key.name} is not for this checkpoint"
                    return _found(Tampering.COSIGNATURE, line.tree_size, detail)
                account.cosignatures += 1
                account.tree_size, account.cosigned_at = line.tree_size, cosignature.cosigned_at
        return None

    def refuse_checkpoint(self, detail: str) -> Finding:
        return _found(Tampering.CHECKPOINT, self.tree.size, detail)

    def refuse_root(self, size: int, detail: str) -> Finding:
        return _found(
            Tampering.ROOT, min(self.good_size + 1, size), f"checkpoint of {size} entries: {detail}", last=size
        )

    def settle_suspect(self, root: bytes | None) -> Finding | None:
        """Decide whether an entry's content or its leaf hash was changed: only one of them leads to a signed root."""
        if self.suspect is None:
            return None
        position, other = self.suspect
        if root is not None and other.compute_root() == root:
            return _found(
                Tampering.LEAF_HASH, position, "the stored leaf hash was changed; the content matches the signed root"
            )
        return _found(Tampering.CONTENT, position, "its content or its salt is not what was hashed")

    def check_kept(self) -> Finding | None:
        kept = self.kept.pop(self.tree.size)
        if kept is None:
            return None
        finding = self.settle_suspect(kept.root)
        if finding is not None:
            return finding
        if self.tree.compute_root() == kept.root:
            self.account.kept_checkpoints += 1
        else:
            # Reading goes on, since an entry further on may announce that a backup was restored.
            self.kept.split(kept, good_size=self.good_size)
        return None

    def finish(self, footer: Footer, lines: Iterator[bytes]) -> Finding | None:
        size = self.tree.size
        if size != self.header.until or footer.until != size or footer.entries != self.account.entries:
            return _found(Tampering.ENTRY_MISSING, size + 1, "the export ends before its range", last=self.header.until)
        if next(lines, None) is not None:
            return _found(Tampering.LINE, size, "there is more after the footer")
        self.account.root = self.tree.compute_root()
        return (
            self.check_last()
            or self.check_count(footer)
            or self.check_records()
            or self.check_witnesses()
            or self.kept.find_rolled_back(size)
        )

    def check_last(self) -> Finding | None:
        """Compare the end with the checkpoint that covers the entire export."""
        signed = verify_checkpoint(self.header.checkpoint, origin=self.header.origin, keys=self.keys)
        if not isinstance(signed, SignedCheckpoint):
            detail = f"the checkpoint that covers the export is invalid: {signed.reason}"
            return self.settle_suspect(None) or _found(Tampering.CHECKPOINT, self.tree.size, detail)
        last = signed.checkpoint
        self.account.signed_size = last.size
        finding = self.settle_suspect(last.root if last.size == self.tree.size else None)
        if finding is not None:
            return finding
        verdict = verify_consistency(
            first_size=self.tree.size,
            first_root=self.account.root,
            second_size=last.size,
            second_root=last.root,
            proof=self.header.consistency,
        )
        if not verdict:
            return self.refuse_root(
                self.tree.size, f"the last checkpoint, of {last.size} entries, does not continue from here"
            )
        return None

    def check_count(self, footer: Footer) -> Finding | None:
        """Whether checkpoints were left out: as counted when the export was written, and the last in any case."""
        missing = (footer.checkpoints or 0) - self.lines_of_checkpoints
        if missing > 0:
            detail = f"{missing} of {footer.checkpoints} stored checkpoints were left out of the export"
            return _found(Tampering.CHECKPOINT_MISSING, self.header.after + 1, detail, last=self.header.until)
        return None

    def check_records(self) -> Finding | None:
        """Whether the log tells of every removal, as far as its record can be in this part."""
        for untold in self.records.list_untold():
            if untold.told_at is not None:
                detail = f"its erasure is not of the time that the log's record tells, {untold.told_at.isoformat()}"
                return _found(Tampering.ERASURE_TIME, untold.position, detail)
            if self.account.signed_size == self.tree.size:
                detail = "it has no content, and there is no record of its erasure by retention itself"
                return _found(Tampering.ERASURE_UNRECORDED, untold.position, detail)
            self.account.erasures_untold += 1
        if self.account.signed_size == self.tree.size and self.records.archived_until > self.records.recorded_until:
            detail = "it has no content, and there is no record of its archiving"
            return _found(
                Tampering.ARCHIVE_UNRECORDED, self.records.recorded_until + 1, detail, last=self.records.archived_until
            )
        return None

    def check_witnesses(self) -> Finding | None:
        for key, account in self.witnesses:
            if not account.cosignatures:
                detail = f"no checkpoint in the export has a cosignature of {key.name}"
                return _found(Tampering.COSIGNATURE_MISSING, self.header.after + 1, detail, last=self.header.until)
        return None


def _read_object(text: str) -> Mapping[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
