"""Tables of figures in Markdown, and the places in docs/benchmarks.md where they stand."""

import re
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def render_tables(figures: Sequence[Figure]) -> str:
    """Render a table of all sides, and one of what is compared; a ratio beyond its bound says what it should be."""
    sided = [figure for figure in figures if figure.side is not None]
    others = [figure for figure in figures if figure.side is None]
    tables = ([_render_sides(sided)] if sided else []) + ([_render_comparisons(others)] if others else [])
    return "\n\n".join(tables)


def place_table(text: str, name: str, table: str) -> str:
    """Return a document with the table between the marks of that name; as it is if it has no such marks."""
    begin, end = f"<!-- bench {name} -->", f"<!-- end {name} -->"
    marked = re.compile(f"({re.escape(begin)}\n).*?({re.escape(end)})", re.DOTALL)
    return marked.sub(lambda match: f"{match[1]}\n{table}\n\n{match[2]}", text)


def _render_sides(figures: Sequence[Figure]) -> str:
    """Render a row for each side and a column for each figure's name."""
    names = list(dict.fromkeys(figure.name for figure in figures))
    sides = list(dict.fromkeys(figure.side for figure in figures))
    cells = {(figure.side, figure.name): figure.render_value().strip() for figure in figures}
    return _render_rows(
        ["", *names], [[side or "", *(cells.get((side, name), "") for name in names)] for side in sides]
    )


def _render_comparisons(figures: Sequence[Figure]) -> str:
    rows = [
        [figure.name.strip(), figure.render_value().strip(), figure.render_beside(), _render_ratio(figure)]
        for figure in figures
    ]
    return _render_rows(["", "ours", "compared with", "ratio"], rows)


def _render_ratio(figure: Figure) -> str:
    ratio = "" if figure.ratio is None else f"{figure.ratio:.3g}"
    bounds = [
        f"at {word} {bound:g}" for word, bound in (("least", figure.ratio_min), ("most", figure.ratio_max)) if bound
    ]
    return f"**{ratio}** ({', '.join(bounds)})" if figure.is_over and bounds else ratio


def _render_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)
