"""Roots and proofs of the feed's tree, computed from stored hashes: a plan lists the hashes, one statement loads them.

Every member may read positions and leaf hashes, so proofs can be built for any viewer and disclose only hashes. To
verify a proof, always take a size and its root from the same signed checkpoint.
Source: RFC 9162 section 2.1; tree_plans.py (which hashes are needed).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import text

from ledger.errors import InvalidInputError, UnavailableError
from ledger.feed.tree_plans import Node, NodeRange, plan_consistency, plan_inclusion, plan_root
from ledger.identifiers import Position
from ledger.storage.database import Transaction

TREE_SIZE_MAX = (1 << 63) - 1
_SIZE_LEVEL = -1

LOAD_NODES = """
WITH wanted AS (
  SELECT level, first, last FROM json_to_recordset(CAST({ranges} AS json)) AS r(level int, first bigint, last bigint)
)
SELECT -1 AS level, size AS index, NULL::bytea AS hash FROM feed_head WHERE id = 1
UNION ALL
SELECT w.level, n.index, n.hash FROM wanted w CROSS JOIN LATERAL (
  SELECT f.position - 1 AS index, f.leaf_hash AS hash FROM feed f
  WHERE w.level = 0 AND f.position BETWEEN w.first + 1 AND w.last + 1 ORDER BY f.position LIMIT 256
) n
UNION ALL
SELECT w.level, n.index, n.hash FROM wanted w CROSS JOIN LATERAL (
  SELECT s.index, s.hash FROM feed_nodes s
  WHERE s.level = w.level AND s.index BETWEEN w.first AND w.last ORDER BY s.index LIMIT 256
) n
"""
"""The feed's size and the hashes of the ranges, at most 256 in each; format it with the parameter for the ranges."""

_LOAD_NODES = text(LOAD_NODES.format(ranges=":ranges"))


class PositionUnknownError(InvalidInputError):
    """The tree of that size has no such position."""

    code = "POSITION_UNKNOWN"
    hint = "Positions run from 1 to the size of the tree."


class TreeSizeUnknownError(InvalidInputError):
    """The feed has not reached that size, or the sizes are out of order."""

    code = "TREE_SIZE_UNKNOWN"
    hint = "Take sizes from signed checkpoints, the smaller one first."


class TreeDamagedError(UnavailableError):
    """Some stored hashes of the feed's tree are missing."""

    code = "TREE_DAMAGED"
    hint = "Run `jembatan audit verify` with an export and --database: it reports what is missing."


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """A proof that the entry with the leaf hash is at the position in the tree of that size."""

    position: Position
    leaf_hash: bytes
    tree_size: int
    hashes: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """A proof that the tree of the second size begins with the entire tree of the first size."""

    first_size: int
    second_size: int
    hashes: Sequence[bytes]


async def compute_root(tx: Transaction, size: int) -> bytes:
    """The root of the tree of a given size. Errors: TreeSizeUnknownError, TreeDamagedError."""
    _check_size(size, field="treeSize")
    plan = plan_root(size)
    nodes = await _load(tx, plan.ranges, size=size, field="treeSize")
    with _whole():
        return plan.resolve(nodes)


async def load_peaks(tx: Transaction, size: int) -> list[bytes]:
    """The hashes of the perfect subtrees that make up the tree of a given size, left to right.

    Errors: TreeSizeUnknownError, TreeDamagedError.
    """
    _check_size(size, field="treeSize")
    plan = plan_root(size)
    nodes = await _load(tx, plan.ranges, size=size, field="treeSize")
    with _whole():
        return plan.resolve_peaks(nodes)


async def prove_inclusion(tx: Transaction, position: int, tree_size: int) -> InclusionProof:
    """Prove that a position's leaf is in the tree of a given size, which should be that of a checkpoint.

    Errors: PositionUnknownError, TreeSizeUnknownError, TreeDamagedError.
    """
    _check_size(tree_size, field="treeSize")
    if not 1 <= position <= tree_size:
        raise PositionUnknownError(field="position")
    index = position - 1
    plan = plan_inclusion(index=index, size=tree_size)
    leaf = NodeRange(level=0, first=index, last=index)
    nodes = await _load(tx, (leaf, *plan.ranges), size=tree_size, field="treeSize")
    with _whole():
        hashes, leaf_hash = plan.resolve(nodes), nodes[0, index]
    return InclusionProof(position=Position(position), leaf_hash=leaf_hash, tree_size=tree_size, hashes=hashes)


async def prove_consistency(tx: Transaction, first_size: int, second_size: int) -> ConsistencyProof:
    """Prove that the tree of the second size begins with the tree of the first size.

    Errors: TreeSizeUnknownError, TreeDamagedError.
    """
    _check_size(second_size, field="secondSize")
    if not 0 <= first_size <= second_size:
        raise TreeSizeUnknownError(field="firstSize")
    plan = plan_consistency(first_size=first_size, second_size=second_size)
    nodes = await _load(tx, plan.ranges, size=second_size, field="secondSize")
    with _whole():
        hashes = plan.resolve(nodes)
    return ConsistencyProof(first_size=first_size, second_size=second_size, hashes=hashes)


def render_ranges(ranges: Iterable[NodeRange]) -> str:
    """The ranges in the form that LOAD_NODES expects."""
    wanted = [{"level": part.level, "first": part.first, "last": part.last} for part in ranges]
    return orjson.dumps(wanted).decode()


def read_nodes(rows: Iterable[Mapping[Any, Any]]) -> tuple[int, dict[Node, bytes]]:
    """The feed's size, and the hashes by level and index, from the rows that LOAD_NODES returns."""
    size = 0
    nodes: dict[Node, bytes] = {}
    for row in rows:
        if row["level"] == _SIZE_LEVEL:
            size = row["index"]
        else:
            nodes[row["level"], row["index"]] = bytes(row["hash"])
    return size, nodes


async def _load(tx: Transaction, ranges: Iterable[NodeRange], *, size: int, field: str) -> dict[Node, bytes]:
    """Load the hashes of the ranges. Errors: TreeSizeUnknownError if the feed is smaller than size."""
    found = await tx.execute(_LOAD_NODES, {"ranges": render_ranges(ranges)})
    known_size, nodes = read_nodes(found.mappings())
    if size > known_size:
        raise TreeSizeUnknownError(field=field)
    return nodes


def _check_size(size: int, *, field: str) -> None:
    if not 0 <= size <= TREE_SIZE_MAX:
        raise TreeSizeUnknownError(field=field)


class _whole:  # noqa: N801 - used as a statement: `with _whole():`
    """Raises TreeDamagedError if the database lacks a hash that a plan needs."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError):
            raise TreeDamagedError from error
