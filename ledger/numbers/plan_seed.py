"""The Indonesian numbering plan as far as it is public. Pure.

The carriers of mobile prefixes come from libphonenumber's carrier data; brands, and the merger of XL Axiata and
Smartfren into XLSmart, are added here. The holders of area codes are not public. A mobile prefix without a carrier
gets no range: its numbers are UNALLOCATED.

Source: field.md section 3.6; phonenumbers.carrierdata; the area codes of phonenumbers.geodata.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ledger.numbers.ranges import RangeDraft
from ledger.numbers.vocabulary import RangeKind

PLAN_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The start of ranges whose effective date is not public."""
MERGER = datetime(2025, 4, 16, tzinfo=ZoneInfo("Asia/Jakarta")).astimezone(UTC)
"""From this time on, XLSmart holds the former ranges of XL Axiata and Smartfren Telecom."""

_TELKOMSEL, _INDOSAT, _XLSMART = "telkomsel", "indosat", "xlsmart"
_HOLDER_NAMES = {
    _TELKOMSEL: "Telkomsel",
    _INDOSAT: "Indosat Ooredoo Hutchison",
    _XLSMART: "XLSmart",
    "xl-axiata": "XL Axiata",
    "smartfren-telecom": "Smartfren Telecom",
}
# By the carrier's name in the carrier data: (holder, brand, holder before the merger).
_CARRIERS: dict[str, tuple[str, str | None, str | None]] = {
    "Telkomsel": (_TELKOMSEL, None, None),
    "Indosat Ooredoo Hutchison": (_INDOSAT, None, None),
    "XL": (_XLSMART, "xl", "xl-axiata"),
    "AXIS": (_XLSMART, "axis", "xl-axiata"),
    "Smartfren": (_XLSMART, "smartfren", "smartfren-telecom"),
}
# Brands that the carrier data does not distinguish.
_BRANDS = {f"6289{digit}": (_INDOSAT, "tri") for digit in range(5, 10)}
_FINER_BRANDS = {f"62851{digits}": (_TELKOMSEL, "byu") for digits in (55, 56, 57, 58)}

_AREA_CODES = (
    "21 22 24 31 44 61 70 231-234 251-254 260-267 271-276 280-287 289 291-298 321-328 331-336 338 341-343 351-358 "
    "361-363 365 366 368 370-374 376 380-389 401-405 408 410 411 413 414 417-423 426-428 430-432 434 435 438 451-453 "
    "457 458 461-465 471 473 474 481 482 484 485 511-513 517 518 522 525-528 531 532 534 536-539 541-543 545 548 549 "
    "551-554 556 561-565 567 568 620-629 631-636 639 641-646 650-659 711-719 721-739 741-748 751-757 760-769 771-773 "
    "776-779 901 902 910 911 913-918 921-924 927 929 951 952 955-957 966 967 969 971 975 980 981 983 984 986"
)


def seed_ranges() -> list[RangeDraft]:
    """Return the initial plan, ordered by prefix."""
    # Imported here: the carrier data of all countries takes 10 MB, which a server has no use for.
    from phonenumbers.carrierdata import CARRIER_DATA

    ranges = [_fixed(code) for code in area_codes()]
    for prefix, names in CARRIER_DATA.items():
        if prefix.startswith("62"):
            ranges.extend(_mobile(prefix, names["en"]))
    ranges.extend(_range(prefix, holder, brand) for prefix, (holder, brand) in _FINER_BRANDS.items())
    return sorted(ranges, key=lambda draft: (draft.prefix, draft.valid_from))


def area_codes() -> list[str]:
    """The area codes of fixed lines, without the trunk 0."""
    codes: list[str] = []
    for part in _AREA_CODES.split():
        first, _, last = part.partition("-")
        codes.extend(str(code) for code in range(int(first), int(last or first) + 1))
    return codes


def _fixed(area_code: str) -> RangeDraft:
    return RangeDraft(prefix=f"+62{area_code}", kind=RangeKind.FIXED, valid_from=PLAN_EPOCH)


def _mobile(prefix: str, carrier_name: str) -> Iterator[RangeDraft]:
    """Yield a prefix's ranges: one, or two if the holder merged. An unknown carrier is kept by its name."""
    if carrier_name not in _CARRIERS:
        yield _range(prefix, None, None, name=carrier_name)
        return
    holder, brand, predecessor = _CARRIERS[carrier_name]
    if prefix in _BRANDS:
        brand = _BRANDS[prefix][1]
    if predecessor is None:
        yield _range(prefix, holder, brand)
        return
    yield _range(prefix, predecessor, brand, until=MERGER)
    yield _range(prefix, holder, brand, since=MERGER)


def _range(
    prefix: str,
    holder: str | None,
    brand: str | None,
    *,
    name: str | None = None,
    since: datetime = PLAN_EPOCH,
    until: datetime | None = None,
) -> RangeDraft:
    return RangeDraft(
        prefix=f"+{prefix}",
        kind=RangeKind.MOBILE,
        holder_slug=holder,
        holder_name=name or _HOLDER_NAMES[holder or ""],
        brand_slug=brand,
        valid_from=since,
        valid_until=until,
    )
