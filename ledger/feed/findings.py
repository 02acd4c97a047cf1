"""What verification can find: the kinds of discrepancy, and where one is. Pure."""

from dataclasses import dataclass
from enum import StrEnum


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
    ERASURE_TIME = "ERASURE_TIME_WRONG"
    ERASURE_UNRECORDED = "ERASURE_UNRECORDED"
    ARCHIVE_UNRECORDED = "ARCHIVE_UNRECORDED"
    TIME = "TIME_IMPLAUSIBLE"
    CHECKPOINT = "CHECKPOINT_WRONG"
    CHECKPOINT_MISSING = "CHECKPOINT_MISSING"
    COSIGNATURE = "COSIGNATURE_WRONG"
    COSIGNATURE_MISSING = "COSIGNATURE_MISSING"
    ROOT = "ROOT_WRONG"
    SPLIT_VIEW = "SPLIT_VIEW"
    ROLLED_BACK = "ROLLED_BACK"
    RESTORED = "RESTORED"
    TRUNCATED = "TRUNCATED"
    LINE = "LINE_UNREADABLE"
    DATABASE = "DATABASE_DIFFERS"
    RECIPIENTS = "RECIPIENTS_DIFFER"
    ACCESSES = "ACCESS_RECORDS_ALTERED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first discrepancy: at one position, or somewhere in first..last."""

    tampering: Tampering
    first: int
    last: int
    detail: str


def make_finding(tampering: Tampering, first: int, detail: str, *, last: int | None = None) -> Finding:
    """A finding at one position or, with last, in a range."""
    return Finding(tampering=tampering, first=first, last=last or first, detail=detail)
