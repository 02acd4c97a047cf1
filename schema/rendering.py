"""Writes the graph as SDL, and its scopes into docs/graph.md: run `python -m schema.rendering` after every change.

schema.graphql is the current graph; a test fails if it is stale. released.graphql is what clients were promised:
it is rewritten only with `--release`, when a version is released, and a test fails on changes that would break it.
"""

import sys
from pathlib import Path

from schema.graph import schema
from schema.needs import replace_needs

PRESENT = Path(__file__).with_name("schema.graphql")
RELEASED = Path(__file__).with_name("released.graphql")
GUIDE = Path(__file__).parent.parent / "docs" / "graph.md"


def render_sdl() -> str:
    """The graph as SDL, with a final newline."""
    return schema.as_str().rstrip() + "\n"


def render_guide(page: str) -> str:
    """The guide with its table of scopes updated."""
    return replace_needs(page, schema._schema)  # noqa: SLF001 - Strawberry has no public name for it


def main(arguments: list[str]) -> int:
    """Write the current SDL, and with --release the released one too; returns 2 for any other argument."""
    if arguments not in ([], ["--release"]):
        sys.stderr.write("usage: python -m schema.rendering [--release]\n")
        return 2
    for path in (PRESENT, RELEASED) if arguments else (PRESENT,):
        path.write_text(render_sdl(), encoding="utf-8")
        sys.stdout.write(f"{path.name} written\n")
    if GUIDE.exists():  # an installed package has no documents
        GUIDE.write_text(render_guide(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
        sys.stdout.write(f"{GUIDE.name} written\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
