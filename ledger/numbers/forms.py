"""Telephone numbers as people write them, converted to one form. Pure: no plan, no holder, no storage.

A number is stored in E.164; an Indonesian short code (110, 159, 14045, 1500888) is stored with the country code,
as +62110, so that all numbers have the same form. It must never guess: text that is not a number is refused.
Source: field.md section 3.6; the metadata of libphonenumber; Indonesian short codes by the rules below.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType

from ledger.errors import InvalidInputError, NumberInvalidError
from ledger.numbers.vocabulary import ProtectedReason

HOME_REGION = "ID"
_HOME_CODE = "62"
_WRITTEN_LENGTH_MAX = 64
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


# Left over from copying out of a chat, a contact or a web page: invisible marks, other spaces and dashes.
_INVISIBLE = dict.fromkeys(
    map(ord, "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
)
_SPACES = dict.fromkeys(map(ord, "\u00a0\u2000\u2002\u2003\u2007\u2009\u202f\t"), " ")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_CLEANING = _INVISIBLE | _SPACES | _DASHES

_WRITTEN = re.compile(r"\+? ?[0-9(][0-9 ().\-/]*", re.ASCII)
_NOT_DIGITS = re.compile(r"[^0-9]+", re.ASCII)
_AREA_BEFORE_CODE = re.compile(r"0?(?:2[124]|31|61|[2-79]\d{2})(14\d{3}|1500\d{3})", re.ASCII)
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


def check_region(region: str) -> str:
    """Return the region in capitals. Errors: RegionInvalidError."""
    folded = region.upper() if len(region) == 2 else ""  # noqa: PLR2004 - ISO 3166 alpha-2
    if folded not in phonenumbers.SUPPORTED_REGIONS:
        raise RegionInvalidError(field="region")
    return folded


def parse_number(text: str, *, region: str = HOME_REGION) -> ParsedNumber:
    """Return the number that a person wrote, in E.164, with what its form alone reveals.

    Shapes: up to 64 characters, digits 0 to 9 with spaces, dashes, dots, slashes and brackets; a number without
    + is read as one of the region, with or without its trunk 0 or country code.
    Errors: NumberInvalidError; RegionInvalidError.
    """
    if len(text) > _WRITTEN_LENGTH_MAX:
        raise NumberInvalidError(field="number")
    parsed = _parse_cached(text, check_region(region))
    if parsed is None:
        raise NumberInvalidError(field="number")
    return parsed


def find_e164(text: str) -> str | None:
    """Return the E.164 form of what a person wrote, or None if that is not a number."""
    parsed = _parse_cached(text, HOME_REGION) if len(text) <= _WRITTEN_LENGTH_MAX else None
    return None if parsed is None else parsed.e164


@lru_cache(maxsize=_CACHE_SIZE)
def _parse_cached(text: str, region: str) -> ParsedNumber | None:
    written = text.translate(_CLEANING).strip()
    if not _WRITTEN.fullmatch(written):
        return None
    digits = _NOT_DIGITS.sub("", written)
    if region == HOME_REGION or written.startswith("+"):
        special = _parse_home_code(digits, is_international=written.startswith("+"))
        if special is not None:
            return special
    for candidate in _read_candidates(digits, region=region, is_international=written.startswith("+")):
        try:
            found = _describe(phonenumbers.parse(candidate, region))
        except phonenumbers.NumberParseException:
            continue
        if found is not None:
            return found
    return None


def _read_candidates(digits: str, *, region: str, is_international: bool) -> list[str]:
    """Return the ways in which the digits can be read, likeliest first.

    Nobody omits both + and the trunk 0 of an area code, so digits that begin with the home country code are
    read as international before they are read as area code 62x.
    """
    if is_international:
        return [f"+{digits}"]
    candidates = [digits]
    if region == HOME_REGION and digits.startswith(_HOME_CODE):
        candidates.insert(0, f"+{digits}")
    if digits.startswith("00"):
        candidates.append(f"+{digits[2:]}")
    return candidates


def _parse_home_code(digits: str, *, is_international: bool) -> ParsedNumber | None:
    """Recognise a domestic short code or service number; the metadata has only some of these."""
    national = digits
    if is_international or digits.startswith((_HOME_CODE + "1", _HOME_CODE + "8")):
        if not digits.startswith(_HOME_CODE):
            return None
        national = digits[len(_HOME_CODE) :]
    behind_area_code = _AREA_BEFORE_CODE.fullmatch(national)
    if behind_area_code:
        national = behind_area_code.group(1)
    for form, reason in _SHORT_CODES:
        if form.fullmatch(national):
            return _home(national, reason, NumberKind.SHORT_CODE)
    for form, reason in _SERVICE_NUMBERS:
        if form.fullmatch(national.removeprefix("0")):
            kind = NumberKind.TOLL_FREE if reason is ProtectedReason.TOLL_FREE else NumberKind.OTHER
            return _home(national.removeprefix("0"), reason, kind)
    return None


def _home(national: str, reason: ProtectedReason, kind: NumberKind) -> ParsedNumber:
    return ParsedNumber(
        e164=f"+{_HOME_CODE}{national}", region=HOME_REGION, is_domestic=True, protected_reason=reason, kind=kind
    )


def _describe(number: phonenumbers.PhoneNumber) -> ParsedNumber | None:
    """Apply the metadata. A domestic number in mobile form is accepted even in a block without a holder."""
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    is_domestic = str(number.country_code) == _HOME_CODE
    if is_domestic and _MOBILE_FORM.fullmatch(str(number.national_number)):
        return ParsedNumber(
            e164=e164, region=HOME_REGION, is_domestic=True, protected_reason=None, kind=NumberKind.MOBILE
        )
    region = phonenumbers.region_code_for_number(number)
    if region is None or not phonenumbers.is_valid_number_for_region(number, region):
        return None
    return ParsedNumber(
        e164=e164,
        region=None if region == "001" else region,
        is_domestic=is_domestic,
        protected_reason=None,
        kind=_KINDS.get(phonenumbers.number_type(number), NumberKind.OTHER) if is_domestic else NumberKind.OTHER,
    )
