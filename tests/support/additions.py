"""Whether a schema only adds to another: a process that knows the earlier one must be able to work on the later."""

import re
from collections.abc import Iterator, Mapping

from migrations.released import TableForm

_KEY = re.compile(r"^UNIQUE \(([^)]*)\)")
_LITERAL = re.compile(r"'[^']*'")


def find_breaks(released: Mapping[str, TableForm], present: Mapping[str, TableForm]) -> list[str]:
    """What a process of the released version would miss or trip over, a sentence each."""
    faults = [f"{name}: the table is gone" for name in released if name not in present]
    for name, table in released.items():
        if name in present:
            for find in (_find_columns, _find_rules, _find_rights):
                faults += [f"{name}{fault}" for fault in find(table, present[name])]
    return faults


def _find_columns(released: TableForm, present: TableForm) -> Iterator[str]:
    before, now = released["columns"], present["columns"]
    for column, form in before.items():
        if column not in now:
            yield f".{column}: the column is gone"
        elif now[column] not in {form, f"{form} DEFAULT"}:
            yield f".{column}: {form} has become {now[column]}"
    for column in now.keys() - before.keys():
        if not now[column].endswith((" NULL", " DEFAULT")):
            yield f".{column}: it is required, and the released version doesn't write it"


def _find_rules(released: TableForm, present: TableForm) -> Iterator[str]:
    added = present["columns"].keys() - released["columns"].keys()
    keys = {_in_any_order(rule) for rule in released["rules"].values() if rule.startswith("UNIQUE ")}
    for rule, text in present["rules"].items():
        before = released["rules"].get(rule, "")
        if (
            text != before
            and _in_any_order(text) not in keys
            and not _is_about(text, added)
            and not _is_wider(before, text)
        ):
            yield f": {rule} may refuse what the released version writes"
    for key in _list_keys(released) - _list_keys(present):
        yield f": {key} is gone, which ON CONFLICT may name"


def _find_rights(released: TableForm, present: TableForm) -> Iterator[str]:
    for right, columns in released["rights"].items():
        missing = set(columns.split(", ")) - set(present["rights"].get(right, "").split(", "))
        if missing:
            yield f": {right} no longer has {', '.join(sorted(missing))}"


def _list_keys(table: TableForm) -> set[str]:
    return {
        _in_any_order(rule.partition(" WHERE ")[0]) for rule in table["rules"].values() if rule.startswith("UNIQUE ")
    }


def _in_any_order(rule: str) -> str:
    """A key with its columns in order: neither what it refuses nor ON CONFLICT depends on how they are listed."""
    return _KEY.sub(lambda key: f"UNIQUE ({', '.join(sorted(key[1].split(', ')))})", rule)


def _is_about(rule: str, added: set[str]) -> bool:
    """A rule that names a new column: rows of the released version have its default there."""
    return any(re.search(rf"\b{column}\b", rule) for column in added)


def _is_wider(before: str, rule: str) -> bool:
    """The same rule with more values in its lists."""
    return _shape(rule) == _shape(before) and set(_LITERAL.findall(before)) <= set(_LITERAL.findall(rule))


def _shape(rule: str) -> str:
    return re.sub(r"\?(, \?)*", "?", _LITERAL.sub("?", rule))
