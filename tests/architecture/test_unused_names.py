"""No name of the product is used by nobody, or by tests alone; pyproject.toml has the exceptions, in [tool.vulture]."""

import importlib
import inspect
import pkgutil

from vulture import Vulture
from vulture.config import make_config
from vulture.core import Item

from cli.main import COMMANDS
from tests.support.places import ROOT

CONFIG = make_config([])
PACKAGES = frozenset(CONFIG["paths"])
KINDS = {"class", "function", "method", "property", "variable"}


def list_overriding_names() -> set[str]:
    """Names of ours that override a library's: the library uses them."""
    found: set[str] = set()
    for package in PACKAGES - {"migrations"}:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            for _, ours in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                theirs = [base for base in ours.__mro__ if base.__module__.partition(".")[0] not in PACKAGES]
                found |= vars(ours).keys() & {name for base in theirs for name in vars(base)}
    return found


def is_read_by_name(item: Item) -> bool:
    """Fields are read by name, of rows, inputs and types of the graph; so are tables, in SQL. Constants are not."""
    line = item.filename.read_text(encoding="utf-8").splitlines()[item.first_lineno - 1]
    return item.typ == "variable" and (line.startswith(" ") or not item.name.isupper())


def is_command(item: Item) -> bool:
    """Commands are loaded by their names; docs/adr/0119."""
    module = ".".join(item.filename.resolve().relative_to(ROOT).with_suffix("").parts)
    return f"{module}:{item.name}" in {entry.place for entry in COMMANDS}


def test_no_name_is_used_by_nobody_or_by_tests_alone() -> None:
    vulture = Vulture(ignore_names=CONFIG["ignore_names"], ignore_decorators=CONFIG["ignore_decorators"])
    vulture.scavenge(CONFIG["paths"])
    overriding = list_overriding_names()
    unused = [
        item.get_report()
        for item in vulture.get_unused_code()
        if item.typ in KINDS and item.name not in overriding and not (is_read_by_name(item) or is_command(item))
    ]
    assert not unused, "\n".join(unused)
