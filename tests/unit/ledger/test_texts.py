"""Text is taken as people paste it, and shows what it says."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import TextInvalidError, TextTooLongError
from ledger.texts import INVISIBLE, check_optional_reference, check_optional_text, check_reference, check_text


def check(text, *, length_max=200, lines=True):
    return check_text(text, field="note", length_max=length_max, lines=lines)


class TestCheckText:
    @pytest.mark.parametrize(
        "text",
        [
            "\u200e[01/11/26 19.30.12] Bank: \u200eimage omitted",
            "\u0645\u0643\u0627\u0644\u0645\u0629 \u200f(2026)\u200f.",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\U0001f468\u200d\U0001f469\u200d\U0001f467",
            "\u061c(1)",
        ],
        ids=["a chat's export", "Arabic", "Persian", "emoji", "an Arabic mark"],
    )
    def test_keeps_direction_marks_and_joiners(self, text):
        assert check(text) == text

    @pytest.mark.parametrize(
        ("pasted", "kept"),
        [
            ("Please call \u202a+62 890-1111-2036\u202c now", "Please call +62 890-1111-2036 now"),
            ("\u202d+62 890-1111-2036\u202c", "+62 890-1111-2036"),
            ("from \u2068Bank\u2069: pay", "from Bank: pay"),
        ],
        ids=["from a contact", "from an address book", "from a chat"],
    )
    def test_removes_embeddings_and_isolates(self, pasted, kept):
        assert check(pasted) == kept

    @pytest.mark.parametrize(
        ("pasted", "shown"),
        [
            ("invoice\u202egnp.exe", "invoice[U+202E]gnp.exe"),
            ("call \u202e6302 1111 0980\u202c at once", "call [U+202E]6302 1111 0980 at once"),
            ("\u2067\u202eabc\u202c\u2069", "[U+202E]abc"),
        ],
        ids=["a file's name", "a number", "within an isolate"],
    )
    def test_shows_a_reversal_to_whoever_it_would_mislead(self, pasted, shown):
        assert check(pasted) == shown

    @pytest.mark.parametrize("text", ["bad\x0btab", "a\0b", "a\x07b", "a\x85b", "\ud800"])
    def test_refuses_control_characters_and_lone_surrogates(self, text):
        with pytest.raises(TextInvalidError):
            check(text)

    def test_refuses_lines_where_one_is_asked_for(self):
        with pytest.raises(TextInvalidError):
            check("two\nlines", lines=False)

    @pytest.mark.parametrize("text", ["", " \n", "\u200e", "\u200b \u2060\ufeff", "\u202a\u202c", "\u2067\u2069"])
    def test_is_empty_if_there_is_nothing_to_see(self, text):
        assert check(text) == ""
        assert check_optional_text(text, field="note", length_max=9, lines=True) is None

    def test_counts_the_characters_that_it_writes_out(self):
        assert check("\u202e12", length_max=10) == "[U+202E]12"
        with pytest.raises(TextTooLongError):
            check("\u202e123", length_max=10)

    @given(st.text(max_size=50))
    def test_leaves_nothing_that_moves_letters_and_changes_nothing_the_second_time(self, text):
        try:
            checked = check(text, length_max=1_000)
        except TextInvalidError:
            return
        assert not {unicodedata.bidirectional(each) for each in checked} & {
            "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
        }  # fmt: skip
        assert check(checked, length_max=1_000) == checked


class TestCheckReference:
    @pytest.mark.parametrize(
        "written", ["\u200eTT-4711", "TT-\u00ad4711", "\u202aTT-4711\u202c", "TT-4711\ufeff", " TT-4711 "]
    )
    def test_is_the_same_however_it_was_pasted(self, written):
        assert check_reference(written, field="reference", length_max=20) == "TT-4711"

    def test_has_nothing_invisible_and_may_be_none(self):
        assert (
            check_optional_reference("".join(sorted(INVISIBLE - {"\u202e"})), field="reference", length_max=500) is None
        )
        assert check_optional_reference(None, field="reference", length_max=9) is None
