"""Telephone numbers as people write them, converted to one form. Pure: no plan, no holder, no storage.

A number is stored in E.164; an Indonesian short code (110, 159, 14045, 1500888) is stored with the country code,
as +62110, so that all numbers have the same form. It must never guess: every rule reads the digits, and what two
rules read as different numbers is refused, as is text that is not a number. This is the only place that reads numbers.
Source: field.md section 3.6; the metadata of libphonenumber; Indonesian short codes by the rules below; docs/adr/0108.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from ledger.errors import InvalidInputError, NumberInvalidError
from ledger.numbers.vocabulary import ProtectedReason
from ledger.numbers.writing import NOT_A_NUMBER, SHORT_END, WRITTEN_LENGTH_MAX, Refusal, Written, read_written

HOME_REGION = "ID"
_HOME_CODE = "62"
_CACHE_SIZE = 65_536


class RegionInvalidError(InvalidInputError):
    """This is not a known region."""

    code = "REGION_INVALID"
    hint = "Use a two-letter ISO 3166 code, for example ID or US."


class NumberKind(StrEnum):
    """The kind of line of a domestic number, by its form alone; a foreign number is OTHER."""

    MOBILE = "MOBILE"
    FIXED = "FIXED"
    TOLL_FREE = "TOLL_FREE"
    SHORT_CODE = "SHORT_CODE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedNumber:
    """A number in the common form. region is None if the number belongs to no single region, as with +800."""

    e164: str
    region: str | None
    is_domestic: bool
    protected_reason: ProtectedReason | None
    kind: NumberKind


_E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
_AREA_BEFORE_CODE = re.compile(r"0?(?:2[124]|31|61|(?!2[124]|31|61)[2-79]\d{2})(14\d{3}|1500\d{3})", re.ASCII)
_MOBILE_FORM = re.compile(r"8[1-9]\d{7,10}", re.ASCII)
_SHORT_CODES: tuple[tuple[re.Pattern[str], ProtectedReason], ...] = (
    (re.compile(r"11\d", re.ASCII), ProtectedReason.EMERGENCY),
    (re.compile(r"159", re.ASCII), ProtectedReason.REGULATOR_HOTLINE),
    (re.compile(r"14\d{3,4}|1500\d{3}", re.ASCII), ProtectedReason.ACCESS_CODE),
    (re.compile(r"1\d{2}", re.ASCII), ProtectedReason.SHORT_CODE),
)
_SERVICE_NUMBERS: tuple[tuple[re.Pattern[str], ProtectedReason], ...] = (
    (re.compile(r"800\d{5,8}", re.ASCII), ProtectedReason.TOLL_FREE),
    (re.compile(r"80[479]\d{5,8}", re.ASCII), ProtectedReason.ACCESS_CODE),
)
_KINDS = {
    PhoneNumberType.MOBILE: NumberKind.MOBILE,
    PhoneNumberType.FIXED_LINE: NumberKind.FIXED,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: NumberKind.OTHER,
    PhoneNumberType.TOLL_FREE: NumberKind.TOLL_FREE,
}
# An area code 62x and a subscriber's number that begins with 0 or 1, as none does.
_NOBODYS = re.compile(r"62\d[01]", re.ASCII)
_EXTENSION_LENGTH_MAX = 4
_GROUP = re.compile(r"\d+", re.ASCII)


def check_region(region: str) -> str:
    """Return the region in capitals. Errors: RegionInvalidError."""
    folded = region.upper() if len(region) == 2 else ""  # noqa: PLR2004 - ISO 3166 alpha-2
    if folded not in phonenumbers.SUPPORTED_REGIONS:
        raise RegionInvalidError(field="region")
    return folded


def parse_number(text: str, *, region: str = HOME_REGION, field: str = "number") -> ParsedNumber:
    """Return the number that a person wrote, in E.164, with what its form alone reveals.

    Shapes: up to 64 characters, as `read_written` takes them; a number without + is read as one of the region, with
    or without its trunk 0 or country code.
    Errors: NumberInvalidError, with a hint, also for what has more than one reading; RegionInvalidError.
    """
    read = _read(text, check_region(region))
    if isinstance(read, Refusal):
        raise NumberInvalidError(read.message, field=field, hint=read.hint)
    return read


def find_number(text: str, *, region: str = HOME_REGION) -> ParsedNumber | None:
    """Return the number that a person wrote, or None if it is refused or the region isn't known."""
    folded = region.upper()
    read = _read(text, folded) if folded in phonenumbers.SUPPORTED_REGIONS else NOT_A_NUMBER
    return None if isinstance(read, Refusal) else read


def name_number(text: str) -> str:
    """Return the E.164 form of a number that somebody names to find what is stored about it.

    One that is written in E.164 itself stays nameable when its country no longer has it. Errors: NumberInvalidError.
    """
    read = _read(text, HOME_REGION)
    if isinstance(read, ParsedNumber):
        return read.e164
    if _E164.fullmatch(text):
        return text
    raise NumberInvalidError(read.message, field="number", hint=read.hint)


def _read(text: str, region: str) -> ParsedNumber | Refusal:
    # Longer texts would only fill the cache.
    return _read_cached(text, region) if len(text) <= WRITTEN_LENGTH_MAX else NOT_A_NUMBER


@lru_cache(maxsize=_CACHE_SIZE)
def _read_cached(text: str, region: str) -> ParsedNumber | Refusal:
    written = read_written(text)
    if isinstance(written, Refusal):
        return written
    readings = {number.e164: number for number in _list_readings(written, region)}
    if not readings:
        return NOT_A_NUMBER
    if region == HOME_REGION and not written.is_international and not written.digits.startswith("0"):
        # A table program takes a 0 as well as a +: bare digits that are another country's number too may be that.
        other = _read_international(written.digits)
        readings |= {other.e164: other} if other else {}
    if len(readings) > 1:
        return _refuse(sorted(readings))
    (number,) = readings.values()
    return SHORT_END if _may_end_otherwise(written, number, region) else number


def _refuse(e164s: list[str]) -> Refusal:
    return Refusal(
        f"This has more than one reading: {' or '.join(e164s)}.",
        "Write + and the country code, or the leading 0; a table program removes both unless the column is text.",
    )


def _may_end_otherwise(written: Written, number: ParsedNumber, region: str) -> bool:
    """Whether the last group may be an extension, a fraction or the end of a second number.

    A short one is taken if the number's own country groups it so; a longer one behind a number that is complete
    without it is an extension, as at fixed lines.
    """
    if written.ends_short:
        return list(written.groups) not in _list_groupings(number.e164)
    if number.kind is not NumberKind.FIXED or len(written.groups[-1]) > _EXTENSION_LENGTH_MAX:
        return False
    before = Written(is_international=written.is_international, groups=written.groups[:-1])
    return bool(before.groups) and bool(_list_readings(before, region))


def _list_groupings(e164: str) -> list[list[str]]:
    number = phonenumbers.parse(e164)
    forms = (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL)
    return [_GROUP.findall(phonenumbers.format_number(number, form)) for form in forms]


def _list_readings(written: Written, region: str) -> list[ParsedNumber]:
    """Return the numbers that the digits are by any rule, perhaps the same one several times."""
    digits = written.digits
    if written.is_international:
        return _only_found(_read_international(digits))
    country_code = str(phonenumbers.country_code_for_region(region))
    ours = _find_ours(digits) if region == HOME_REGION else None
    found: list[ParsedNumber | None] = [ours]
    if digits.startswith(country_code):
        with_code = _read_international(digits)
        found.append(with_code)
        is_code_alone = written.groups[0] == country_code and with_code is not None
        if ours is None and not is_code_alone and not _NOBODYS.match(digits):
            found.append(_read_international(country_code + digits))
    elif ours is None:
        found.append(_look_up(digits, region))
    if digits.startswith("00"):
        found.append(_read_international(digits.removeprefix("00")))
    return _only_found(*found)


def _only_found(*numbers: ParsedNumber | None) -> list[ParsedNumber]:
    return [number for number in numbers if number is not None]


def _read_international(digits: str) -> ParsedNumber | None:
    """Return the number whose country code the digits begin with."""
    ours = _find_ours(digits.removeprefix(_HOME_CODE)) if digits.startswith(_HOME_CODE) else None
    return ours or _look_up(f"+{digits}", None)


def _find_ours(national: str) -> ParsedNumber | None:
    """Recognise a domestic short code, service number or mobile number; the metadata has only some of these.

    An access code is dialled behind an area code too, where no subscriber's number begins with 1. A mobile number is
    taken even in a block without a holder.
    """
    behind_area_code = _AREA_BEFORE_CODE.fullmatch(national)
    if behind_area_code:
        national = behind_area_code.group(1)
    for form, reason in _SHORT_CODES:
        if form.fullmatch(national):
            return _home(national, reason, NumberKind.SHORT_CODE)
    national = national.removeprefix("0")
    for form, reason in _SERVICE_NUMBERS:
        if form.fullmatch(national):
            kind = NumberKind.TOLL_FREE if reason is ProtectedReason.TOLL_FREE else NumberKind.OTHER
            return _home(national, reason, kind)
    return _home(national, None, NumberKind.MOBILE) if _MOBILE_FORM.fullmatch(national) else None


def _home(national: str, reason: ProtectedReason | None, kind: NumberKind) -> ParsedNumber:
    return ParsedNumber(
        e164=f"+{_HOME_CODE}{national}", region=HOME_REGION, is_domestic=True, protected_reason=reason, kind=kind
    )


def _look_up(digits: str, region: str | None) -> ParsedNumber | None:
    """Return the number by the metadata; region is None for digits that begin with +."""
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    national = phonenumbers.national_significant_number(number)
    is_domestic = str(number.country_code) == _HOME_CODE
    if is_domestic and not national.startswith("0") and (ours := _find_ours(national)) is not None:
        return ours
    found = phonenumbers.region_code_for_number(number)
    if found is None or not phonenumbers.is_valid_number_for_region(number, found):
        return None
    return ParsedNumber(
        e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
        region=None if found == "001" else found,
        is_domestic=is_domestic,
        protected_reason=None,
        kind=_KINDS.get(phonenumbers.number_type(number), NumberKind.OTHER) if is_domestic else NumberKind.OTHER,
    )
