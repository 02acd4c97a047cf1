"""Every error has a code of its own, and docs/errors.md says what each means."""

from collections import Counter

from gateway.operations.errors_reference import list_error_classes, render_errors
from tests.support.places import ROOT


class TestErrorsReference:
    def test_says_what_the_errors_say(self) -> None:
        assert (ROOT / "docs/errors.md").read_text() == render_errors(), (
            "Run `python -m gateway.operations.errors_reference`."
        )

    def test_gives_no_two_meanings_to_a_code(self) -> None:
        counts = Counter(str(kind.code) for kind in list_error_classes())
        assert {code: count for code, count in counts.items() if count > 1} == {}

    def test_gives_every_error_a_message(self) -> None:
        assert [kind.__name__ for kind in list_error_classes() if not (kind.__doc__ or "").strip()] == []
