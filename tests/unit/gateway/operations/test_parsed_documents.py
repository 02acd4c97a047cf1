"""A parsed document as the cache keeps it."""

import gc
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.operations.errors import OperationTooComplexError
from gateway.operations.stages import parse_document
from gateway.settings import Settings
from tests.support.garbage import list_garbage


class TestParse:
    def test_gives_a_document_that_is_freed_without_a_search_for_cycles(self) -> None:
        services = cast("Any", SimpleNamespace(settings=Settings()))

        def parse() -> None:
            document = parse_document._parse("query A($a: ID) { b(c: $a) { ...d } } fragment d on E { f }", services)
            assert document.loc is not None

        gc.collect()
        with list_garbage() as garbage:
            parse()
        assert [type(found).__name__ for found in garbage if "graphql" in type(found).__module__] == []

    def test_reads_nothing_of_a_document_that_is_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fault: to report where it ended, graphql-core looked for every line of 4 MB, which held up everyone else."""
        services = cast("Any", SimpleNamespace(settings=Settings()))
        monkeypatch.setattr(parse_document, "parse", None)
        text = "{ a } #" + "x" * services.settings.document_characters_max
        with pytest.raises(OperationTooComplexError, match="characters"):
            parse_document._parse(text, services)
