"""Whatever the graph reads from the ledger is noted, so that who read what can be recorded (docs/adr/0100)."""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest

import resolvers
import schema
from ledger.lists import RecordList
from ledger.relations import Relation

NOTES = {"fetch_page", "note_items", "note"}
UNNOTED = {
    # Counts and totals name nothing and nobody.
    "count", "read_statistics", "find_lookups",
    # Every member of the shared view may know who takes part in it, and whose office or officer signs.
    "load_members", "load_brands", "load_brands_by_member", "load_offices", "load_officers",
    # Which firm runs which platform is known to everybody.
    "load_platforms_by_member",
    # The proofs of the log are public to its members: they name positions and hashes.
    "find_checkpoint", "list_verifier_keys", "prove_inclusion", "prove_consistency", "list_lost_histories",
    "list_witnesses", "load_cosignatures",
    # Texts of entries that list_entries has noted, or that a stream sends.
    "find_texts", "find_reserved_texts",
    # When runs are due, which names nothing and nobody.
    "get_schedule",
    # A provider's own keys, for the provider alone.
    "list_signal_keys",
}  # fmt: skip


def list_modules() -> Iterator[ModuleType]:
    for package in (schema, resolvers):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def resolve(node: ast.expr, module: ModuleType) -> Any:
    """What a name or module.name means in the module; None for what only a function knows."""
    if isinstance(node, ast.Attribute):
        return getattr(resolve(node.value, module), node.attr, None)
    return getattr(module, node.id, None) if isinstance(node, ast.Name) else None


def list_readers() -> Iterator[tuple[str, Callable[..., Any] | str]]:
    """What context.read and a loader are given: a function, or the source of one that is defined on the spot."""
    for module in list_modules():
        tree = ast.parse(inspect.getsource(module))
        inner = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            place = ast.unparse(call.func)
            if not call.args or not (place.endswith("context.read") or place == "_On"):
                continue
            read = call.args[0]
            found = resolve(read, module)
            name = ast.unparse(read).rpartition(".")[2]
            if isinstance(found, FunctionType | Relation):
                yield name, found
            elif name in inner:
                yield name, ast.unparse(inner[name])


def is_noting(read: Callable[..., Any] | Relation[Any] | str, seen: set[object]) -> bool:
    """Whether it notes what it reads, itself or by what it calls: a function of the ledger, or a list's page."""
    if isinstance(read, Relation):
        return read.note is not None
    source = read if isinstance(read, str) else textwrap.dedent(inspect.getsource(read))
    known = {} if isinstance(read, str) else inspect.unwrap(read).__globals__
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in NOTES:
            return True
        if name == "fetch" and isinstance(known.get(ast.unparse(call.func).partition(".")[0]), RecordList):
            return True
        called = known.get(name)
        if isinstance(called, FunctionType) and called.__module__.startswith("ledger.") and called not in seen:
            seen.add(called)
            if is_noting(called, seen):
                return True
    return False


READERS = dict(list_readers())


class TestReader:
    @pytest.mark.parametrize("name", sorted(READERS.keys() - UNNOTED))
    def test_notes_what_it_reads(self, name: str) -> None:
        assert is_noting(READERS[name], set())

    def test_that_notes_nothing_is_declared_and_exists(self) -> None:
        assert sorted(UNNOTED - READERS.keys()) == []
