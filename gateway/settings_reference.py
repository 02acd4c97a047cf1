"""Renders docs/settings.md and .env.example from the settings classes.

`python -m gateway.settings_reference` rewrites both; a test fails if either is stale.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt

from gateway.settings import Settings, variable_name
from ledger.sections import SettingsSection

_PER_MACHINE = {"data_dir": "./.jembatan"}


def list_groups() -> Iterator[tuple[str, str, list[str]]]:
    """Each section, in the order in which Settings inherits them: its package, title and names of settings."""
    for section in reversed(Settings.__mro__):
        names = [name for name in inspect.get_annotations(section) if name in Settings.model_fields]
        if issubclass(section, SettingsSection) and names:
            yield section.__module__.partition(".")[0], section.title, names


def render_reference() -> str:
    """The text of docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Every setting is an environment variable. An invalid value stops startup with a line that names the variable.",
        "Each setting belongs to the package that uses it. This page is generated from the declarations by",
        "`python -m gateway.settings_reference`.",
    ]
    package_before = ""
    for package, title, names in list_groups():
        if package != package_before:
            lines += ["", f"## {package}"]
        package_before = package
        lines += ["", f"### {title}", "", "| variable | default | values | what it does |", "|---|---|---|---|"]
        for name in names:
            field = Settings.model_fields[name]
            lines.append(
                f"| `{variable_name(name)}` | {_default(name)} | {_bounds(field)} | {field.description or ''} |"
            )
    return "\n".join(lines) + "\n"


def render_example() -> str:
    """The text of .env.example: every variable, commented out, at its default."""
    lines = ["# Every setting with its default; docs/settings.md describes them. None has to be set to get started."]
    for package, title, names in list_groups():
        lines += ["", f"# {package}: {title}"]
        lines += [f"#{variable_name(name)}={_plain_default(name)}" for name in names]
    return "\n".join(lines) + "\n"


def _plain_default(name: str) -> str:
    if name in _PER_MACHINE:
        return _PER_MACHINE[name]
    default = Settings.model_fields[name].default
    if default is None or default in ((), {}):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def _default(name: str) -> str:
    text = _plain_default(name)
    return f"`{text}`" if text else "unset"


def _bounds(field: Any) -> str:
    choices = [str(choice) for choice in get_args(field.annotation) if isinstance(choice, str)]
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    if field.annotation is bool:
        return "`true`, `false`"
    words = []
    for item in field.metadata:
        if isinstance(item, Ge):
            words.append(f"{item.ge} or more")
        elif isinstance(item, Gt):
            words.append(f"more than {item.gt}")
        elif isinstance(item, Le):
            words.append(f"at most {item.le}")
        elif isinstance(item, Lt):
            words.append(f"less than {item.lt}")
    return ", ".join(words) or "text"


def main() -> None:
    """Write both files."""
    root = Path(__file__).parent.parent
    (root / "docs" / "settings.md").write_text(render_reference())
    (root / ".env.example").write_text(render_example())


if __name__ == "__main__":
    main()
