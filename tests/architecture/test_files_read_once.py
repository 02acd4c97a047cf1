"""What people write in files and options is read in one place each: a second reader would guess differently."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import ROOT

PACKAGES = ("demo", "cli", "gateway", "schema", "resolvers", "auth", "ledger", "migrations")


def list_calls(path: Path) -> Iterator[str]:
    """The last two names of everything that a module calls or passes on: `csv.reader`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def find_modules(calls: set[str], *packages: str) -> list[str]:
    paths = [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]
    return [path.relative_to(ROOT).as_posix() for path in paths if calls & set(list_calls(path))]


def test_delimited_text_is_read_by_spreadsheets_alone() -> None:
    assert find_modules({"csv.reader", "csv.DictReader", "csv.Sniffer"}, *PACKAGES) == ["ledger/spreadsheets.py"]


@pytest.mark.parametrize("call", ["datetime.fromisoformat", "date.fromisoformat", "datetime.strptime"])
def test_times_in_options_are_read_by_written_times_alone(call: str) -> None:
    """fromisoformat reads 19.30 as 19:00:00.3; use cli.times.parse_moment."""
    assert find_modules({call}, "cli") == []
