"""A number is read as people write it, brought to one form, or refused at once."""

import time

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LedgerError, NumberInvalidError
from ledger.numbers.forms import NumberKind, RegionInvalidError, parse_number
from ledger.numbers.vocabulary import ProtectedReason

SEPARATORS = st.sampled_from(["", " ", "-", ".", " - ", "\u00a0", "\u2011", "/"])


class TestParseNumber:
    @pytest.mark.parametrize(
        "written",
        [
            "+6289012345678",
            "6289012345678",
            "089012345678",
            "89012345678",
            "+62 (0)890-1234-5678",
            "(0890) 12345678",
            "0890.1234.5678",
            "+62 890 1234 5678",
            "\u202a+62 890\u20111234\u20115678\u202c",
            "\u00a00890 1234 5678 ",
            "+620890 12345678",
            "0062 890 1234 5678",
        ],
    )
    def test_reads_what_people_write(self, written):
        parsed = parse_number(written)
        assert parsed.e164 == "+6289012345678"
        assert (parsed.region, parsed.is_domestic, parsed.kind) == ("ID", True, NumberKind.MOBILE)
        assert parsed.protected_reason is None

    @pytest.mark.parametrize(
        ("written", "e164", "reason"),
        [
            ("110", "+62110", ProtectedReason.EMERGENCY),
            ("112", "+62112", ProtectedReason.EMERGENCY),
            ("+62 112", "+62112", ProtectedReason.EMERGENCY),
            ("159", "+62159", ProtectedReason.REGULATOR_HOTLINE),
            ("188", "+62188", ProtectedReason.SHORT_CODE),
            ("14045", "+6214045", ProtectedReason.ACCESS_CODE),
            ("1500-888", "+621500888", ProtectedReason.ACCESS_CODE),
            ("021 1500 888", "+621500888", ProtectedReason.ACCESS_CODE),
            ("(021) 14045", "+6214045", ProtectedReason.ACCESS_CODE),
            ("0800 1 234567", "+628001234567", ProtectedReason.TOLL_FREE),
            ("62 800 1 234567", "+628001234567", ProtectedReason.TOLL_FREE),
            ("0807 1 000000", "+628071000000", ProtectedReason.ACCESS_CODE),
        ],
    )
    def test_knows_the_protected_ones(self, written, e164, reason):
        parsed = parse_number(written)
        assert (parsed.e164, parsed.protected_reason, parsed.is_domestic) == (e164, reason, True)

    @pytest.mark.parametrize("written", ["0840 1234 5678", "0868 1234567", "0850 1234 5678"])
    def test_takes_a_mobile_form_that_nobody_was_given(self, written):
        assert parse_number(written).kind is NumberKind.MOBILE

    def test_reads_a_fixed_line(self):
        parsed = parse_number("(021) 555-1234")
        assert (parsed.e164, parsed.kind) == ("+62215551234", NumberKind.FIXED)

    @pytest.mark.parametrize(
        ("written", "region", "e164", "of"),
        [
            ("202 555 0143", "US", "+12025550143", "US"),
            ("+1 202 555 0143", "ID", "+12025550143", "US"),
            ("+65 8123 4567", "ID", "+6581234567", "SG"),
            ("+62 890 1234 5678", "US", "+6289012345678", "ID"),
        ],
    )
    def test_reads_foreign_numbers(self, written, region, e164, of):
        parsed = parse_number(written, region=region)
        assert (parsed.e164, parsed.region, parsed.is_domestic) == (e164, of, of == "ID")

    @pytest.mark.parametrize(
        "written",
        [
            "",
            " ",
            "+",
            "abc",
            "0812 CALL NOW",
            "saidpress1",
            "951677xxxx",
            "5186350741?",
            "8005078317;222",
            "08123456789;ext=5",
            "081234567890 ext. 12",
            "+6289012345678123",
            "0812345",
            "00000000",
            "\u0660\u0668\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
            "\uff10\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
            "0812\x0034567890",
            "0812\n34567890\r",
            "\ud800812345678",
            "tel:+6281234567890",
            "++6281234567890",
            "+62+81234567890",
        ],
    )
    def test_refuses_what_is_no_number(self, written):
        with pytest.raises(NumberInvalidError):
            parse_number(written)

    def test_refuses_a_foreign_emergency_number(self):
        with pytest.raises(NumberInvalidError):
            parse_number("911", region="US")

    @pytest.mark.parametrize("region", ["", "XX", "IDN", "\u0130D", "I", "i d"])
    def test_refuses_an_unknown_region(self, region):
        with pytest.raises(RegionInvalidError):
            parse_number("08123456789", region=region)

    @pytest.mark.parametrize("text", ["9" * 10_000, "(" * 10_000, "+" * 10_000, "-" * 64, "(" * 64, "1 " * 32])
    def test_refuses_a_hostile_text_fast(self, text):
        started = time.perf_counter()
        with pytest.raises(NumberInvalidError):
            parse_number(text)
        assert time.perf_counter() - started < 0.05

    @given(st.text(max_size=80), st.sampled_from(["ID", "US", "GB"]))
    def test_gives_a_number_or_a_refusal_for_any_text(self, text, region):
        try:
            parsed = parse_number(text, region=region)
        except NumberInvalidError:
            return
        assert parsed.e164.startswith("+")
        assert parsed.e164[1:].isascii()
        assert parsed.e164[1:].isdigit()
        assert len(parsed.e164) <= 16

    @given(st.from_regex(r"8[1-9][0-9]{7,10}", fullmatch=True), st.lists(SEPARATORS, min_size=12, max_size=12))
    def test_reads_one_number_the_same_however_it_is_written(self, national, separators):
        spaced = "".join(digit + separator for digit, separator in zip(national, separators, strict=False))
        forms = [f"+62{national}", f"62{national}", f"0{national}", f"0{spaced}".strip("-./ \u00a0\u2011")]
        assert {parse_number(form).e164 for form in forms if len(form) <= 64} == {f"+62{national}"}

    @given(st.sampled_from(["ID", "US", "SG", "MY", "GB", "DE"]), st.integers(min_value=0, max_value=10**12))
    def test_reads_its_own_answer_as_itself(self, region, digits):
        try:
            parsed = parse_number(str(digits), region=region)
        except LedgerError:
            return
        assert parse_number(parsed.e164, region=region) == parsed
        assert parse_number(parsed.e164, region="ID") == parsed

    def test_reads_the_example_of_every_region(self):
        for region in sorted(phonenumbers.SUPPORTED_REGIONS):
            example = phonenumbers.example_number(region)
            e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert parse_number(e164).e164 == e164
