"""Links in one form: two ways of writing one address are one, and what programs read in two ways is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LedgerError
from ledger.signals.links import LinkInvalidError, read_link

FORM = "https://hadiah.example/klaim?x=1"


class TestReadingALink:
    @pytest.mark.parametrize(
        ("written", "wanted"),
        [
            (FORM, FORM),
            ("HTTPS://Hadiah.EXAMPLE:443/klaim?x=1#top", FORM),
            ("  https://hadiah.example./klaim?x=1\u200b ", FORM),
            ("https://hadiah.example", "https://hadiah.example/"),
            ("http://hadiah.example:80", "http://hadiah.example/"),
            ("http://hadiah.example:8080/a", "http://hadiah.example:8080/a"),
            ("https://bücher.example/ü?q=é", "https://xn--bcher-kva.example/%C3%BC?q=%C3%A9"),
            ("https://xn--bcher-kva.example/%C3%BC", "https://xn--bcher-kva.example/%C3%BC"),
            # The path is the server's own: its case and its encoding stay.
            ("https://a.example/A%2fb//c/..", "https://a.example/A%2fb//c/.."),
            ("https://192.0.2.7/pay", "https://192.0.2.7/pay"),
        ],
    )
    def test_returns_its_one_form(self, written, wanted):
        assert read_link(written, field="link") == wanted

    @pytest.mark.parametrize(
        "written",
        [
            "", " ", "hadiah.example/klaim", "ftp://hadiah.example/", "javascript:alert(1)", "data:text/html,x",
            "https://", "https:///klaim", "https://bank.example@hadiah.example/", "https://localhost/",
            "https://hadiah.example\\@bank.example/", "https://hadiah.example/a b", "https://hadiah.example/\ta",
            "https://hadiah.example:port/", "https://hadiah.example:99999/",
            "https://[::1]/", "https://[x/", "https://a..example/",
        ],
    )  # fmt: skip
    def test_refuses_what_is_none_or_has_two_readings(self, written):
        with pytest.raises(LedgerError) as refused:
            read_link(written, field="link")
        assert refused.value.field == "link"

    def test_refuses_what_becomes_too_long(self):
        with pytest.raises(LinkInvalidError):
            read_link("https://a.example/" + "é" * 1_000, field="link")

    @given(st.one_of(st.text(max_size=80), st.from_regex(r"https?://[^/]{1,20}(/[^#]{0,30})?", fullmatch=True)))
    def test_is_stable_and_never_fails_in_another_way(self, written):
        try:
            form = read_link(written, field="link")
        except LedgerError:
            return
        assert form.isascii()
        assert read_link(form, field="link") == form
