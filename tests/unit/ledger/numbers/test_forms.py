"""A number is read as people write it, brought to one form, or refused at once."""

import contextlib
import re
import time

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from ledger.errors import LedgerError, NumberInvalidError
from ledger.numbers.forms import NumberKind, RegionInvalidError, find_number, name_number, parse_number
from ledger.numbers.vocabulary import ProtectedReason

SEPARATORS = st.sampled_from(["", " ", "-", ".", " - ", "\u00a0", "\u2011"])
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
INTERNATIONAL = (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966)
SLOW_AT_FIRST = settings(deadline=None)
"""The metadata of a region is loaded when it is first asked for."""
MORE_READINGS = "more than one reading"


def examples(region):
    """Valid numbers of every kind of line that the metadata knows in a region."""
    found = (phonenumbers.example_number_for_type(region, kind) for kind in phonenumbers.PhoneNumberType.values())
    return [number for number in found if number is not None]


@st.composite
def numbers(draw, regions=REGIONS):
    """Valid numbers of all regions: an example with other digits at its end."""
    region = draw(st.sampled_from(regions))
    example = phonenumbers.national_significant_number(draw(st.sampled_from(examples(region))))
    changed = draw(st.integers(min_value=0, max_value=min(5, len(example) - 2)))
    end = draw(st.text("0123456789", min_size=changed, max_size=changed))
    code = phonenumbers.country_code_for_region(region)
    try:
        return region, parse_number(f"+{code}{example[: len(example) - changed]}{end}")
    except NumberInvalidError:
        return region, parse_number(phonenumbers.format_number(examples(region)[0], PhoneNumberFormat.E164))


def print_as(parsed, form):
    return phonenumbers.format_number(phonenumbers.parse(parsed.e164), form)


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
            "(+62) 890 1234 5678",
            "62 890 1234 5678",
            "tel:+62-890-1234-5678",
            "'089012345678",
            '="089012345678"',
            "0890\u200d12345678",
            "0890\u00ad12345678",
            "\u061c089012345678",
            "\u202d+62 890-1234-5678\u202c",
            "+62\u2060890 12345678",
            "\uff0b6289012345678",
            "\uff10\uff18\uff19\uff1012345678",
            "\u0660\u0668\u0669\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
            "\ufeff089012345678\t",
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
            "0812\x0034567890",
            "0812\x0b34567890",
            "0812\n34567890\r",
            "\ud800812345678",
            "tel:081234567890",
            "++6281234567890",
            "+0062 812 3456 7890",
            "+62 00 812 3456 7890",
            "0812 (0) 34567890",
            "0890 1111 (2038)",
            "021 014800",
            "=089011112038",
            "''089011112038",
            "GOJEK",
            "+62+81234567890",
        ],
    )
    def test_refuses_what_is_no_number(self, written):
        with pytest.raises(NumberInvalidError):
            parse_number(written)

    @pytest.mark.parametrize(
        ("written", "why"),
        [
            ("628901111200.0", "decimal number"),
            ("089011112345.0", "decimal number"),
            ("0890111123.000", "decimal number"),
            ("6289011112.041", "decimal number"),
            ("+628901111200.0", "last digits may be"),
            ("628901111200,0", "slash or a comma"),
            ("6.289011112E+12", "last digits are lost"),
            ("6,28901E+12", "last digits are lost"),
            ("(021) 5551234/5", "slash or a comma"),
            ("0274-51234/56", "slash or a comma"),
            ("0812-345-678/9", "slash or a comma"),
            ("030/12345678", "slash or a comma"),
            ("(021) 5551234-5", "last digits may be"),
            ("0274 51234-56", "last digits may be"),
            ("0274 51234-101", "last digits may be"),
            ("0890 1111 2038 1", "last digits may be"),
            ("08/11/2026 10", "slash or a comma"),
            ("08.11.2026 10", "a date"),
            ("08 11 2026 1030", "a date"),
            ("08-11-2026 1930", "a date"),
            ("08-11-26 1930", "a date"),
            ("2026-11-08 193000", "a date"),
            ("6227550123", "[+]6227550123 or [+]626227550123"),
            ("62890111120", "[+]6262890111120 or [+]62890111120"),
            ("6581234567", "[+]626581234567 or [+]6581234567"),
            ("85512345678", "[+]6285512345678 or [+]85512345678"),
            ("001 803 223 4567", MORE_READINGS),
            ("\u202e830211110980", "shown in reverse"),
            ("0890\u0661\u0661\u0661\u06612038", "several scripts"),
        ],
    )
    def test_refuses_what_may_be_something_else_and_says_so(self, written, why):
        with pytest.raises(NumberInvalidError, match=why) as refusal:
            parse_number(written)
        assert refusal.value.hint

    @pytest.mark.parametrize(
        ("written", "e164"),
        [
            ("0622 7550123", "+626227550123"),
            ("+62 27550123", "+6227550123"),
            ("62 27550123", "+6227550123"),
            ("62 890111120", "+62890111120"),
            ("62215551234", "+62215551234"),
            ("215551234", "+62215551234"),
            ("0658 1234567", "+626581234567"),
            ("0855 1234 5678", "+6285512345678"),
            ("6.289.011.112.041", "+6289011112041"),
            ("08112026 1030", "+6281120261030"),
            ("+33 6 12 34 56 78", "+33612345678"),
            ("+352 27 12 34 5", "+3522712345"),
        ],
    )
    def test_reads_what_has_one_reading_because_of_how_it_is_written(self, written, e164):
        assert parse_number(written).e164 == e164

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

    @given(st.from_regex(r"8[1-9][0-9]{7,10}", fullmatch=True), SEPARATORS)
    def test_reads_one_number_the_same_however_it_is_written(self, national, separator):
        groups = (
            [national[:3], national[3:6], national[6:]]
            if len(national) < 11
            else [national[:3], national[3:7], national[7:]]
        )
        spaced = separator.join(groups)
        forms = [f"+62{national}", f"62 {national}", f"0{national}", f"0{spaced}", f"+62 {spaced}", f"+62 (0){spaced}"]
        assert {parse_number(form).e164 for form in forms} == {f"+62{national}"}

    @SLOW_AT_FIRST
    @given(numbers(), st.sampled_from(INTERNATIONAL), st.sampled_from(["ID", "US", "GB", "LU"]))
    def test_reads_what_it_took_and_is_printed_in_an_international_form_as_the_same(self, known, form, where):
        assert parse_number(print_as(known[1], form), region=where) == known[1]

    @SLOW_AT_FIRST
    @given(numbers(["ID"]))
    def test_reads_what_it_took_and_is_printed_in_the_national_form_as_the_same(self, known):
        printed = print_as(known[1], PhoneNumberFormat.NATIONAL)
        if not printed.startswith("00"):  # also the prefix of calls abroad
            assert parse_number(printed) == known[1]

    @SLOW_AT_FIRST
    @given(numbers())
    def test_reads_the_national_form_of_any_region_as_no_other_number(self, known):
        region, parsed = known
        try:
            read = parse_number(print_as(parsed, PhoneNumberFormat.NATIONAL), region=region)
        except NumberInvalidError:
            return
        assert read.e164 == parsed.e164

    @given(st.from_regex(r"[1-9][0-9]{6,13}", fullmatch=True))
    def test_refuses_bare_digits_that_two_rules_read_differently(self, digits):
        readings = set()
        for international in (f"+{digits}", f"+62{digits}"):
            with contextlib.suppress(NumberInvalidError):
                readings.add(parse_number(international).e164)
        is_of_a_subscriber = re.match(r"62\d[2-9]|(?!62)", digits)
        read = find_number(digits)
        if read is not None:
            assert read.e164 in readings
            assert len(readings) == 1 or not is_of_a_subscriber

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


class TestNameNumber:
    def test_reads_as_people_write_it(self):
        assert name_number("0890 1234 5678") == "+6289012345678"

    @pytest.mark.parametrize("e164", ["+12", "+999123456", "+6289"])
    def test_takes_an_e164_form_that_no_country_has_any_more(self, e164):
        assert name_number(e164) == e164

    @pytest.mark.parametrize("written", ["+12 3", "12", "6227550123", "+0812", ""])
    def test_refuses_anything_else(self, written):
        with pytest.raises(NumberInvalidError):
            name_number(written)
