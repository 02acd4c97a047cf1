"""Numbers that are easy to read out over the phone: ticket numbers of complaints, and order numbers."""

from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func

from ledger.legal_time import LEGAL_ZONE


def render_serial_no(prefix: str, moment: ColumnElement[Any], serial: ColumnElement[Any]) -> ColumnElement[str]:
    """A number such as O-2026-0000042: prefix, legal year, and at least 7 digits."""
    year = func.to_char(func.timezone(LEGAL_ZONE.key, moment), "YYYY")
    digits = cast(serial, Text)
    padded = func.lpad(digits, func.greatest(7, func.length(digits)), "0")
    return func.concat(f"{prefix}-", year, "-", padded, type_=Text())
