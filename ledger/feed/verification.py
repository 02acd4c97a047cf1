"""Verifies an export of the feed line by line, without holding it in memory. Pure: no database, no network.

It hashes every entry again, builds the tree over the leaf hashes, and compares it with every checkpoint in the export
and with those that the verifier kept. It stops at the first discrepancy and reports where and what it is. Entries
without content are verified by their hash, and the log's own records must show that they were erased or archived.
Source: design section 5; RFC 9162 section 2.1; ADR 0055.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import islice

import orjson

from ledger.errors import InvalidInputError
from ledger.feed.audit_files import CheckpointLine, EntryLine, ExportUnreadableError, Footer, Header, parse_line
from ledger.feed.merkle import GrowingTree, hash_leaf, verify_consistency
from ledger.feed.notes import (
    Checkpoint,
    NoteFault,
    SignedCheckpoint,
    VerifierKey,
    parse_verifier_key,
    verify_checkpoint,
)
from ledger.feed.vocabulary import EventKind

_AHEAD_LINES = 1_000
_RECENT = timedelta(hours=1)
"""How long an erasure may lack its record, which is sequenced a moment later, while an export takes time."""


class Tampering(StrEnum):
    """The kind of a discrepancy. Each is a stable code."""

    CONTENT = "CONTENT_CHANGED"
    RESERVED = "RESERVED_PART_CHANGED"
    RESERVED_HASH = "RESERVED_HASH_CHANGED"
    LEAF_HASH = "LEAF_HASH_CHANGED"
    CONTENT_MISSING = "CONTENT_MISSING"
    ENTRY_MISSING = "ENTRY_MISSING"
    ENTRY_DOUBLED = "ENTRY_DOUBLED"
    ENTRY_OUT_OF_ORDER = "ENTRY_OUT_OF_ORDER"
    ERASURE_MARK = "ERASURE_MARK_WRONG"
    ERASURE_UNRECORDED = "ERASURE_UNRECORDED"
    ARCHIVE_UNRECORDED = "ARCHIVE_UNRECORDED"
    CHECKPOINT = "CHECKPOINT_WRONG"
    ROOT = "ROOT_WRONG"
    SPLIT_VIEW = "SPLIT_VIEW"
    ROLLED_BACK = "ROLLED_BACK"
    TRUNCATED = "TRUNCATED"
    LINE = "LINE_UNREADABLE"
    DATABASE = "DATABASE_DIFFERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first discrepancy: at one position, or somewhere in first..last."""

    tampering: Tampering
    first: int
    last: int
    detail: str


@dataclass(slots=True, kw_only=True)
class Account:
    """What was verified; finding is None if there is no discrepancy."""

    header: Header
    verified_by: list[str]
    is_key_from_export: bool
    root: bytes = b""
    entries: int = 0
    with_content: int = 0
    erased: int = 0
    erased_lately: int = 0
    archived: int = 0
    checkpoints: int = 0
    checkpoints_of_unknown_keys: int = 0
    kept_checkpoints: int = 0
    finding: Finding | None = None


class KeptCheckpointError(InvalidInputError):
    """A checkpoint that you kept can't be compared with this export."""

    code = "KEPT_CHECKPOINT_UNUSABLE"


class VerifierKeyError(InvalidInputError):
    """This is not a checkpoint key."""

    code = "VERIFIER_KEY_INVALID"
    hint = "A key looks like name+0123abcd+base64; `jembatan audit keys` prints those of an installation."


def _found(tampering: Tampering, first: int, detail: str, *, last: int | None = None) -> Finding:
    return Finding(tampering=tampering, first=first, last=last or first, detail=detail)


@dataclass(slots=True)
class _Records:
    """Which entries have no content, and for which of them the log has a record, as ranges."""

    erased: list[list[int]] = field(default_factory=list)
    recorded: list[tuple[int, int]] = field(default_factory=list)
    archived_until: int = 0
    recorded_until: int = 0

    def note_erased(self, position: int) -> None:
        if self.erased and self.erased[-1][1] == position - 1:
            self.erased[-1][1] = position
        else:
            self.erased.append([position, position])

    def find_unrecorded(self) -> int | None:
        """The first erased position without a record."""
        recorded = deque(sorted(self.recorded))
        for first, last in self.erased:
            position = first
            while position <= last:
                while recorded and recorded[0][1] < position:
                    recorded.popleft()
                if not recorded or recorded[0][0] > position:
                    return position
                position = recorded[0][1] + 1
        return None


def parse_keys(texts: Sequence[str]) -> list[VerifierKey]:
    """The keys from their published form. Errors: VerifierKeyError."""
    keys = [parse_verifier_key(text.strip()) for text in texts]
    found = [key for key in keys if key is not None]
    if len(found) != len(keys):
        raise VerifierKeyError
    return found


def verify_export(
    lines: Iterator[bytes],
    *,
    keys: Sequence[VerifierKey] = (),
    kept_notes: Sequence[str] = (),
    note: Callable[[int], None] = lambda _entries: None,
) -> Account:
    """Verify an export given as lines; note is called from time to time with the number of entries read.

    keys are those that the verifier trusts; without any, the export's own keys are used, and the account says so.
    kept_notes are checkpoints that the verifier kept from earlier.
    Errors: ExportUnreadableError, KeptCheckpointError, VerifierKeyError.
    """
    header = parse_line(next(lines, b""))
    if not isinstance(header, Header) or header.after > header.until or len(header.peaks) != header.after.bit_count():
        raise ExportUnreadableError
    verifier = _Verifier(header, keys, note)
    for kept in kept_notes:
        verifier.keep(kept)
    finding = verifier.read(lines)
    if finding is not None:
        verifier.account.finding = verifier.find_first(finding)
    return verifier.account


class _Verifier:
    """Reads an export line by line. The methods that take or check a part return the first discrepancy."""

    def __init__(self, header: Header, keys: Sequence[VerifierKey], note: Callable[[int], None]) -> None:
        self.header = header
        self.keys = keys or parse_keys(header.keys)
        self.note = note
        self.account = Account(
            header=header, verified_by=[key.render() for key in self.keys], is_key_from_export=not keys
        )
        self.tree = GrowingTree.resume(header.peaks, size=header.after)
        self.records = _Records()
        self.kept: dict[int, Checkpoint] = {}
        self.good_size = header.after
        self.suspect: tuple[int, GrowingTree] | None = None

    def keep(self, note: str) -> None:
        """Add a checkpoint that the verifier kept. Errors: KeptCheckpointError."""
        signed = verify_checkpoint(note, origin=self.header.origin, keys=self.keys)
        if not isinstance(signed, SignedCheckpoint):
            raise KeptCheckpointError(f"A checkpoint that you kept is invalid: {signed.reason}.")
        checkpoint = signed.checkpoint
        latest = verify_checkpoint(self.header.checkpoint, origin=self.header.origin, keys=self.keys)
        is_later = isinstance(latest, SignedCheckpoint) and checkpoint.size > latest.checkpoint.size
        if checkpoint.size < self.header.after or (checkpoint.size > self.header.until and not is_later):
            raise KeptCheckpointError(
                f"The checkpoint of {checkpoint.size} entries is outside the export.",
                hint="Verify an export whose range includes that size.",
            )
        before = self.kept.setdefault(checkpoint.size, checkpoint)
        if before != checkpoint:
            raise KeptCheckpointError(
                f"Two checkpoints that you kept have {checkpoint.size} entries but different roots; both are signed.",
                hint="The log presented two histories: keep both notes as evidence.",
            )

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
            return self.check_absence(line) or line.leaf_hash
        self.account.with_content += 1
        if line.erased_at is not None:
            return _found(Tampering.ERASURE_MARK, line.position, "it is marked as erased but has its content")
        computed = hash_leaf(line.salt + line.entry.encode("utf-8", "surrogatepass"))
        finding = self.check_reserved(line, is_leaf_good=computed == line.leaf_hash)
        if finding is not None:
            return finding
        if computed == line.leaf_hash:
            self.read_record(line.entry)
        return computed

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
        elif self.header.exported_at - line.erased_at < _RECENT:
            self.account.erased += 1
            self.account.erased_lately += 1
        else:
            self.account.erased += 1
            self.records.note_erased(line.position)
        return None

    def check_reserved(self, line: EntryLine, *, is_leaf_good: bool) -> Finding | None:
        entry = line.entry or ""
        if line.reserved is None or line.reserved_salt is None:
            return _found(Tampering.RESERVED, line.position, "its reserved part or that part's salt is missing")
        computed = sha256(line.reserved_salt + line.reserved.encode("utf-8", "surrogatepass")).hexdigest()
        stated = _read_reserved(entry)
        if computed == stated:
            return None
        if is_leaf_good:
            return _found(Tampering.RESERVED, line.position, "who acted, or who may get it, is not what was hashed")
        restored = (line.salt or b"") + entry.replace(stated or "\x00", computed).encode("utf-8", "surrogatepass")
        if hash_leaf(restored) == line.leaf_hash:
            return _found(Tampering.RESERVED_HASH, line.position, "the stored hash of its reserved part was changed")
        return None

    def read_record(self, entry: str) -> None:
        """Learn from the log's own records which entries may lack content."""
        if EventKind.ENTRIES_ERASED not in entry and EventKind.ENTRIES_ARCHIVED not in entry:
            return
        told = orjson.loads(entry)
        if told["kind"] == EventKind.ENTRIES_ERASED:
            self.records.recorded.extend((first, last) for first, last in told["payload"].get("ranges", ()))
        elif told["kind"] == EventKind.ENTRIES_ARCHIVED:
            self.records.recorded_until = max(self.records.recorded_until, told["payload"].get("last", 0))

    def take_checkpoint(self, line: CheckpointLine) -> Finding | None:
        signed = verify_checkpoint(line.note, origin=self.header.origin, keys=self.keys)
        if isinstance(signed, SignedCheckpoint):
            return self.compare_checkpoint(line, signed.checkpoint)
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
        kept = self.kept.pop(self.tree.size, None)
        if kept is None:
            return None
        finding = self.settle_suspect(kept.root)
        if finding is not None:
            return finding
        if self.tree.compute_root() != kept.root:
            detail = f"the checkpoint of {kept.size} entries that you kept has a different history"
            return _found(Tampering.SPLIT_VIEW, min(self.good_size + 1, kept.size), detail, last=kept.size)
        self.account.kept_checkpoints += 1
        return None

    def finish(self, footer: Footer, lines: Iterator[bytes]) -> Finding | None:
        size = self.tree.size
        if size != self.header.until or footer.until != size or footer.entries != self.account.entries:
            return _found(Tampering.ENTRY_MISSING, size + 1, "the export ends before its range", last=self.header.until)
        if next(lines, None) is not None:
            return _found(Tampering.LINE, size, "there is more after the footer")
        self.account.root = self.tree.compute_root()
        finding = self.check_last()
        if finding is not None:
            return finding
        if self.kept:
            kept = min(self.kept)
            detail = f"you kept a checkpoint of {max(self.kept)} entries, and the log is shorter now"
            return _found(Tampering.ROLLED_BACK, min(size + 1, kept), detail, last=max(self.kept))
        return self.check_records()

    def check_last(self) -> Finding | None:
        """Compare the end with the checkpoint that covers the entire export."""
        signed = verify_checkpoint(self.header.checkpoint, origin=self.header.origin, keys=self.keys)
        if not isinstance(signed, SignedCheckpoint):
            detail = f"the checkpoint that covers the export is invalid: {signed.reason}"
            return self.settle_suspect(None) or _found(Tampering.CHECKPOINT, self.tree.size, detail)
        last = signed.checkpoint
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

    def check_records(self) -> Finding | None:
        signed = verify_checkpoint(self.header.checkpoint, origin=self.header.origin, keys=self.keys)
        if not isinstance(signed, SignedCheckpoint) or signed.checkpoint.size != self.tree.size:
            return None
        unrecorded = self.records.find_unrecorded()
        if unrecorded is not None:
            return _found(
                Tampering.ERASURE_UNRECORDED, unrecorded, "it has no content, and there is no record of its erasure"
            )
        if self.records.archived_until > self.records.recorded_until:
            detail = (
                "it has no content, and there is no record of its archiving; if that has just happened, export again"
            )
            return _found(
                Tampering.ARCHIVE_UNRECORDED, self.records.recorded_until + 1, detail, last=self.records.archived_until
            )
        return None


def _read_reserved(entry: str) -> str | None:
    try:
        stated = orjson.loads(entry)["reserved"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return stated if isinstance(stated, str) else None
