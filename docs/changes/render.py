# ruff: noqa: INP001 - it is run by its path, beside the files that it reads
"""Renders CHANGELOG.md: the section of this version is made of the files beside this one, earlier sections stay.

    python docs/changes/render.py [DAY OF THE RELEASE]

Each file tells the changes of one subject, under a title. After a release they are emptied, and pyproject.toml gets the
next version.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHANGELOG = ROOT / "CHANGELOG.md"
UNRELEASED = "not yet released"
_HEAD = """# Changes

What each version changes for those who use or operate it. Versions are numbered by [SemVer](https://semver.org): before
1.0.0, a second number that rises may break something, and the section then says what to do. It is made of
[docs/changes](docs/changes) by `make changelog`.
"""
_HEADING = re.compile(r"^(#+) ", re.MULTILINE)
_START = re.compile(r"^(?=## )", re.MULTILINE)


def read_version() -> str:
    """Return the version of the project."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return version


def render_section(version: str, day: str) -> str:
    """Return the section of a version: the files in the order of their titles, with headings two levels down."""
    texts = [path.read_text(encoding="utf-8").strip() for path in (ROOT / "docs" / "changes").glob("*.md")]
    return f"## {version} ({day})\n\n" + "\n\n".join(_HEADING.sub(r"\1## ", text) for text in sorted(texts)) + "\n"


def render(known: str, day: str | None = None) -> str:
    """Return the whole file, given the one that there is."""
    version = read_version()
    sections = [part.strip() for part in _START.split(known)[1:]]
    own = [section for section in sections if section.startswith(f"## {version} (")]
    told = day or (own[0].partition("(")[2].partition(")")[0] if own else UNRELEASED)
    earlier = [section + "\n" for section in sections if section not in own]
    return "\n".join([_HEAD, render_section(version, told), *earlier])


if __name__ == "__main__":
    known_text = CHANGELOG.read_text(encoding="utf-8") if CHANGELOG.exists() else ""
    CHANGELOG.write_text(render(known_text, *sys.argv[1:2]), encoding="utf-8")
