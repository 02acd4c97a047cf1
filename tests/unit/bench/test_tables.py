"""The tables of docs/benchmarks.md, and the figures in them."""

from bench.figures import Figure, Samples, compare, plain
from bench.tables import DOCUMENT, place_table, render_tables

_SIDED = [
    plain("rate", Samples([90, 100, 110]), unit="/s", side="Jembatan"),
    plain("p99", Samples([1.5]), unit="ms", side="Jembatan"),
    plain("rate", Samples([50]), unit="/s", side="pgbench"),
]


class TestFigures:
    def test_are_beyond_a_least_ratio_only_below_it(self) -> None:
        rates = [Figure(name="rate", value=ours, unit="/s", beside=10, ratio_min=3) for ours in (29, 30, 31)]
        assert [figure.is_over for figure in rates] == [True, False, False]

    def test_are_beyond_a_greatest_ratio_only_above_it(self) -> None:
        used = [Figure(name="CPU", value=ours, unit="ms", beside=10, ratio_max=0.3) for ours in (2.9, 3.0, 3.1)]
        assert [figure.is_over for figure in used] == [False, False, True]


class TestRenderingTables:
    def test_gives_each_side_a_row_and_each_figure_a_column(self) -> None:
        assert render_tables(_SIDED) == (
            "| | rate | p99 |\n| --- | --- | --- |\n| Jembatan | 100 /s ±10% | 1.5 ms |\n| pgbench | 50 /s | |"
        )

    def test_puts_ratios_into_a_table_of_their_own_with_a_bound_that_is_missed(self) -> None:
        reached = compare("CPU", Samples([1]), Samples([4]), unit="ms", beside_name="other")
        missed = Figure(name="rate", value=20, unit="/s", beside=10, beside_name="other", ratio_min=3)
        _, ratios = render_tables([*_SIDED, reached, missed]).split("\n\n")
        assert ratios.splitlines()[2:] == [
            "| CPU | 1 ms | other: 4 | 0.25 |",
            "| rate | 20 /s | other: 10 | **2** (at least 3) |",
        ]


class TestPlacingATable:
    def test_replaces_what_stands_between_its_marks_alone(self) -> None:
        text = "a\n<!-- bench poll -->\nold\n<!-- end poll -->\nb\n<!-- bench lookup -->\nkept\n<!-- end lookup -->\n"
        assert place_table(text, "poll", "| new |") == text.replace("old", "\n| new |\n")

    def test_leaves_a_document_without_its_marks_as_it_is(self) -> None:
        assert place_table("text", "poll", "| new |") == "text"

    def test_finds_the_marks_of_every_table_in_the_document(self) -> None:
        text = DOCUMENT.read_text(encoding="utf-8")
        names = ["poll", "poll-numbers", "lookup", "complaints", "dashboard", "growth", "footprint", "acknowledgements",
                 "filing", "forwarding", "imports"]  # fmt: skip
        assert [name for name in names if place_table(text, name, "| new |") == text] == []
