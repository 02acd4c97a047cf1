"""A parsed document as the cache keeps it."""

import gc
from types import SimpleNamespace
from typing import Any, cast

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
