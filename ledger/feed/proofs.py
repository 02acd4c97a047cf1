"""Roots and proofs of the feed's tree, made from what is stored: a plan says which hashes, one statement loads them.

Positions and leaf hashes are every member's to read, so a proof is made under any viewer and discloses nothing but
hashes. What a proof proves stands beside it: always take a size and its root from one signed checkpoint.
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
"""The feed's size and the hashes of the ranges, 256 at most in each; fill in how the ranges are bound."""

_LOAD_NODES = text(LOAD_NODES.format(ranges=":ranges"))


class PositionUnknownError(InvalidInputError):
    """The tree at that size has no such position."""

    code = "POSITION_UNKNOWN"
    hint = "Positions are 1 up to the tree's size."


class TreeSizeUnknownError(InvalidInputError):
    """The feed never had that size."""

    code = "TREE_SIZE_UNKNOWN"
    hint = "Take sizes from signed checkpoints, the smaller one first."


class TreeDamagedError(UnavailableError):
    """Stored hashes of the feed's tree are missing."""

    code = "TREE_DAMAGED"
    hint = "Run `jembatan audit verify` with an export and --database: it names what is missing."


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """That the entry with the leaf hash stands at the position in the tree of that size."""

    position: Position
    leaf_hash: bytes
    tree_size: int
    hashes: Sequence[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """That the tree at the second size begins with the whole tree at the first."""

    first_size: int
    second_size: int
    hashes: Sequence[bytes]


async def compute_root(tx: Transaction, size: int) -> bytes:
    """The root of the tree at a size. Errors: TreeSizeUnknownError, TreeDamagedError."""
    _check_size(size, field="treeSize")
    plan = plan_root(size)
    nodes = await _load(tx, plan.ranges, size=size, field="treeSize")
    with _whole():
        return plan.resolve(nodes)


async def load_peaks(tx: Transaction, size: int) -> list[bytes]:
    """The hashes of the perfect subtrees that the tree at a size is made of, left to right.

    Errors: TreeSizeUnknownError, TreeDamagedError.
    """
    _check_size(size, field="treeSize")
    plan = plan_root(size)
    nodes = await _load(tx, plan.ranges, size=size, field="treeSize")
    with _whole():
        return plan.resolve_peaks(nodes)


async def prove_inclusion(tx: Transaction, position: int, tree_size: int) -> InclusionProof:
    """That a position's leaf is in the tree at a size; tree_size is best taken from a checkpoint.

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
    """That the tree at the second size begins with the tree at the first.

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
    """The ranges as LOAD_NODES takes them."""
    wanted = [{"level": part.level, "first": part.first, "last": part.last} for part in ranges]
    return orjson.dumps(wanted).decode()


def read_nodes(rows: Iterable[Mapping[Any, Any]]) -> tuple[int, dict[Node, bytes]]:
    """The feed's size, and the hashes by level and index, from the rows of LOAD_NODES."""
    size = 0
    nodes: dict[Node, bytes] = {}
    for row in rows:
        if row["level"] == _SIZE_LEVEL:
            size = row["index"]
        else:
            nodes[row["level"], row["index"]] = bytes(row["hash"])
    return size, nodes


async def _load(tx: Transaction, ranges: Iterable[NodeRange], *, size: int, field: str) -> dict[Node, bytes]:
    """The hashes of the ranges. Errors: TreeSizeUnknownError where the feed is shorter than the size."""
    found = await tx.execute(_LOAD_NODES, {"ranges": render_ranges(ranges)})
    known_size, nodes = read_nodes(found.mappings())
    if size > known_size:
        raise TreeSizeUnknownError(field=field)
    return nodes


def _check_size(size: int, *, field: str) -> None:
    if not 0 <= size <= TREE_SIZE_MAX:
        raise TreeSizeUnknownError(field=field)


class _whole:  # noqa: N801 - used as a statement: `with _whole():`
    """Turns a hash that a plan needs and the database lacks into TreeDamagedError."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError):
            raise TreeDamagedError from error
