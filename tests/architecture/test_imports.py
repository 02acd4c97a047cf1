"""No module imports itself by way of others, also for types alone: what two modules need lies below both.

And what calls itself pure knows no database, not even by way of others.
"""

import ast
import re
from graphlib import TopologicalSorter

import grimp
import pytest

from tests.support.places import ROOT

PACKAGES = ("demo", "cli", "gateway", "schema", "resolvers", "auth", "ledger", "migrations")


def list_pure_modules() -> list[str]:
    """The modules whose docstring says that they are pure."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
            if re.search(r"\b[Pp]ure\b", docstring):
                found.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


class TestImports:
    @pytest.mark.parametrize("package", ["gateway", "ledger", "auth", "resolvers", "cli", "demo", "migrations"])
    def test_run_in_no_circle(self, package: str) -> None:
        graph = grimp.build_graph(package, cache_dir=None)
        imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        # The order isn't looked at; there is none where imports run in a circle, and CycleError names it.
        assert list(TopologicalSorter(imports).static_order())


class TestPureModules:
    def test_import_no_database(self) -> None:
        graph = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
        chains = {
            module: chain
            for module in list_pure_modules()
            for database in ("sqlalchemy", "asyncpg")
            if (chain := graph.find_shortest_chain(module, database)) is not None
        }
        assert chains == {}

    def test_are_found(self) -> None:
        assert {"ledger.orders.states", "ledger.numbers.forms", "ledger.feed.merkle"} <= set(list_pure_modules())
