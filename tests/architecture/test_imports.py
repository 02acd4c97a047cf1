"""No module imports itself by way of others, also for types alone: what two modules need lies below both."""

from graphlib import TopologicalSorter

import grimp
import pytest


class TestImports:
    @pytest.mark.parametrize("package", ["gateway", "ledger", "demo"])
    def test_run_in_no_circle(self, package: str) -> None:
        graph = grimp.build_graph(package, cache_dir=None)
        imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        # The order isn't looked at; there is none where imports run in a circle, and CycleError names it.
        assert list(TopologicalSorter(imports).static_order())
