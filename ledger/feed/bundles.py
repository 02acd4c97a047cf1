"""Proof bundles: one entry, its inclusion proof and a signed checkpoint in one self-contained JSON file. Pure.

A bundle discloses one entry and no other; without entry and salt it only proves that a leaf hash is at a position. Its
keys have the names of the graph's fields, so that a member can build one from query results. See docs/audit.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from ledger.errors import InvalidInputError
from ledger.feed.audit_files import decode, decode_hash, encode
from ledger.feed.merkle import Failure as ProofFailure
from ledger.feed.merkle import hash_leaf, verify_inclusion
from ledger.feed.notes import SignedCheckpoint, VerifierKey, verify_checkpoint
from ledger.feed.verification import parse_keys

FORMAT = "jembatan-proof-1"
BUNDLE_BYTES_MAX = 1 << 22
_DIGITS_MAX = 19


class BundleUnreadableError(InvalidInputError):
    """This is not a proof bundle."""

    code = "BUNDLE_UNREADABLE"
    hint = "docs/audit.md describes the format."


class BundleFault(StrEnum):
    """Why a bundle is invalid, in addition to the faults of its note and its proof. Each is a stable code."""

    LEAF = "LEAF_HASH_MISMATCH"
    SIZE = "CHECKPOINT_SIZE_WRONG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The content of a bundle; entry and salt are None if it proves only a hash."""

    verifier_keys: Sequence[str]
    checkpoint: str
    position: int
    leaf_hash: bytes
    tree_size: int
    hashes: Sequence[bytes]
    entry: str | None = None
    salt: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """The entry is at that position in the log of that origin; entry is None if the bundle has only its hash."""

    origin: str
    position: int
    tree_size: int
    entry: str | None
    signed_by: Sequence[str]

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Failure:
    """The bundle is invalid and proves nothing."""

    reason: str

    def __bool__(self) -> bool:
        return False


def render_bundle(bundle: Bundle) -> bytes:
    """The bundle as the content of a file."""
    value: dict[str, Any] = {
        "format": FORMAT,
        "verifierKeys": list(bundle.verifier_keys),
        "checkpoint": bundle.checkpoint,
        "position": bundle.position,
        "leafHash": encode(bundle.leaf_hash),
        "treeSize": bundle.tree_size,
        "hashes": [encode(part) for part in bundle.hashes],
    }
    if bundle.entry is not None and bundle.salt is not None:
        value |= {"entry": bundle.entry, "salt": encode(bundle.salt)}
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def parse_bundle(content: bytes) -> Bundle:
    """The bundle from the content of a file. Errors: BundleUnreadableError."""
    try:
        value = orjson.loads(content)
        if value.get("format", FORMAT) != FORMAT:
            raise BundleUnreadableError
        return Bundle(
            verifier_keys=[str(key) for key in value.get("verifierKeys", [])],
            checkpoint=_text(value["checkpoint"]),
            position=_number(value["position"]),
            leaf_hash=decode_hash(value["leafHash"]),
            tree_size=_number(value["treeSize"]),
            hashes=[decode_hash(part) for part in value["hashes"]],
            **_parse_content(value),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise BundleUnreadableError from None


def verify_bundle(bundle: Bundle, *, keys: Sequence[VerifierKey] = ()) -> Success | Failure:
    """Verify a bundle with the keys that the verifier trusts or, without any, with the bundle's own.

    Errors: BundleUnreadableError if there is no key at all; VerifierKeyError.
    """
    known = keys or parse_keys(bundle.verifier_keys)
    if not known:
        raise BundleUnreadableError("The bundle contains no key, and none was given.")
    signed = verify_checkpoint(bundle.checkpoint, origin=known[0].name, keys=known)
    if not isinstance(signed, SignedCheckpoint):
        return Failure(signed.reason.value)
    if signed.checkpoint.size != bundle.tree_size:
        return Failure(BundleFault.SIZE.value)
    if bundle.entry is not None and bundle.salt is not None:
        computed = hash_leaf(bundle.salt + bundle.entry.encode("utf-8", "surrogatepass"))
        if computed != bundle.leaf_hash:
            return Failure(BundleFault.LEAF.value)
    verdict = verify_inclusion(
        leaf_hash=bundle.leaf_hash,
        index=bundle.position - 1,
        size=bundle.tree_size,
        proof=bundle.hashes,
        root=signed.checkpoint.root,
    )
    if isinstance(verdict, ProofFailure):
        return Failure(verdict.reason.value)
    return Success(
        origin=signed.checkpoint.origin,
        position=bundle.position,
        tree_size=bundle.tree_size,
        entry=bundle.entry,
        signed_by=[key.render() for key in signed.signed_by],
    )


def _parse_content(value: Mapping[str, Any]) -> dict[str, Any]:
    """Parse entry and salt, of which there must be both or neither."""
    entry, salt = value.get("entry"), value.get("salt")
    if (entry is None) != (salt is None):
        raise ValueError("an entry without a salt, or a salt without an entry")
    return {} if entry is None else {"entry": _text(entry), "salt": decode(salt)}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


def _number(value: Any) -> int:
    """A number; the graph serializes large ones as strings."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("not a number of entries")
    return value
