"""The Indonesian numbering plan as far as it is public, and plans as CSV files. Pure.

Which carrier has a mobile prefix comes from libphonenumber's carrier data; brands and the merger of XL Axiata and
Smartfren into XLSmart are added to it here. Area codes have no public holder. A mobile prefix without a carrier
gets no range: its numbers are UNALLOCATED.

Source: field.md section 3.6; phonenumbers.carrierdata; the area codes of phonenumbers.geodata.
"""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TextIO
from zoneinfo import ZoneInfo

from ledger.errors import InvalidInputError
from ledger.numbers.plan import RangeDraft
from ledger.numbers.vocabulary import RangeKind

PLAN_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The start of ranges whose first day nobody published."""
MERGER = datetime(2025, 4, 16, tzinfo=ZoneInfo("Asia/Jakarta")).astimezone(UTC)
"""From here on XLSmart holds what XL Axiata and Smartfren Telecom held."""
PLAN_COLUMNS = ("prefix", "kind", "holder", "holder_name", "brand", "valid_from", "valid_until")
_LINES_MAX = 100_000

_TELKOMSEL, _INDOSAT, _XLSMART = "telkomsel", "indosat", "xlsmart"
_HOLDER_NAMES = {
    _TELKOMSEL: "Telkomsel",
    _INDOSAT: "Indosat Ooredoo Hutchison",
    _XLSMART: "XLSmart",
    "xl-axiata": "XL Axiata",
    "smartfren-telecom": "Smartfren Telecom",
}
# How the carrier data names the holder: (holder, brand, the holder before the merger).
_CARRIERS: dict[str, tuple[str, str | None, str | None]] = {
    "Telkomsel": (_TELKOMSEL, None, None),
    "Indosat Ooredoo Hutchison": (_INDOSAT, None, None),
    "XL": (_XLSMART, "xl", "xl-axiata"),
    "AXIS": (_XLSMART, "axis", "xl-axiata"),
    "Smartfren": (_XLSMART, "smartfren", "smartfren-telecom"),
}
# What the carrier data does not tell apart.
_BRANDS = {f"6289{digit}": (_INDOSAT, "tri") for digit in range(5, 10)}
_FINER_BRANDS = {f"62851{digits}": (_TELKOMSEL, "byu") for digits in (55, 56, 57, 58)}

_AREA_CODES = (
    "21 22 24 31 44 61 70 231-234 251-254 260-267 271-276 280-287 289 291-298 321-328 331-336 338 341-343 351-358 "
    "361-363 365 366 368 370-374 376 380-389 401-405 408 410 411 413 414 417-423 426-428 430-432 434 435 438 451-453 "
    "457 458 461-465 471 473 474 481 482 484 485 511-513 517 518 522 525-528 531 532 534 536-539 541-543 545 548 549 "
    "551-554 556 561-565 567 568 620-629 631-636 639 641-646 650-659 711-719 721-739 741-748 751-757 760-769 771-773 "
    "776-779 901 902 910 911 913-918 921-924 927 929 951 952 955-957 966 967 969 971 975 980 981 983 984 986"
)


class PlanInvalidError(InvalidInputError):
    """This is no numbering plan."""

    code = "NUMBERING_PLAN_INVALID"
    hint = f"A CSV file in UTF-8 with the columns {', '.join(PLAN_COLUMNS)}; times in ISO 8601 with their zone."


def seed_ranges() -> list[RangeDraft]:
    """The plan to begin with, in the order of its prefixes."""
    # Loaded here: the carriers of the whole world take 10 MB that a server has no use for.
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
    return RangeDraft(
        prefix=f"+62{area_code}",
        kind=RangeKind.FIXED,
        holder_slug=None,
        holder_name=None,
        brand_slug=None,
        valid_from=PLAN_EPOCH,
    )


def _mobile(prefix: str, carrier_name: str) -> Iterator[RangeDraft]:
    """A prefix's ranges: one, or two where the holder merged. A carrier that we don't know is kept by its name."""
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


def read_plan_csv(stream: TextIO) -> list[RangeDraft]:
    """The ranges of a CSV file, whose header names the columns in any order.

    holder and brand are slugs; an empty valid_from means from the beginning.
    Errors: PlanInvalidError, which names the line.
    """
    reader = csv.DictReader(stream, strict=True)
    try:
        if reader.fieldnames is None or set(reader.fieldnames) != set(PLAN_COLUMNS):
            raise PlanInvalidError("The first line must name the columns of a numbering plan.")
        return [_read_range(row, reader.line_num) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise PlanInvalidError(f"Line {reader.line_num + 1}: {error}.") from error


def _read_range(row: dict[str, str | None], line: int) -> RangeDraft:
    if line > _LINES_MAX or None in row or None in row.values():
        raise PlanInvalidError(f"Line {line} has the wrong number of columns, or the file is too long.")
    cells = {name: (cell or "").strip() for name, cell in row.items()}
    try:
        valid_from = datetime.fromisoformat(cells["valid_from"]) if cells["valid_from"] else PLAN_EPOCH
        valid_until = datetime.fromisoformat(cells["valid_until"]) if cells["valid_until"] else None
        kind = RangeKind(cells["kind"].upper())
    except ValueError as error:
        raise PlanInvalidError(f"Line {line}: {error}.") from None
    if valid_from.tzinfo is None or (valid_until is not None and valid_until.tzinfo is None):
        raise PlanInvalidError(f"Line {line}: a time needs its zone.")
    return RangeDraft(
        prefix=cells["prefix"],
        kind=kind,
        holder_slug=cells["holder"] or None,
        holder_name=cells["holder_name"] or None,
        brand_slug=cells["brand"] or None,
        valid_from=valid_from,
        valid_until=valid_until,
    )
