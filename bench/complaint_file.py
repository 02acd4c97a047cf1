"""A file of complaints as dirty as the FTC's daily ones, generated from a seed, identical in every run."""

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ledger.complaints.rows import FTC_FILE

_AREAS = (201, 212, 213, 305, 312, 404, 415, 469, 512, 602, 617, 702, 713, 805, 925)
_CITIES = ("San Luis Obispo", "SAN ANTONIO", "Orinda", "", "Winston-Salem", "St. Louis", 'O"Fallon', "Washington, DC")
_STATES = ("California", "Texas", "New York", "", "Missouri")
_SUBJECTS = (
    "No Subject Provided",
    "Dropped call or no message",
    "Reducing your debt (credit cards, mortgage, student loans)",
    "Calls pretending to be  government, businesses, or family and friends",
    "Medical & prescriptions",
    "Other",
)
_BROKEN_NUMBERS = ("", "0", "999", "123456", "0000000000", "1111111111", "NULL")
_NEWEST = datetime(2026, 1, 31, tzinfo=UTC)


def write_complaint_file(path: Path, *, rows: int, seed: int = 2026) -> None:
    """Write a header and that many rows: some without a number, one in 25 a copy of the one before, no time zone."""
    chance = random.Random(seed)  # noqa: S311 - generated rows, no secret
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(FTC_FILE.names)
        row = _make_row(chance)
        for _ in range(rows):
            if chance.random() > 0.04:
                row = _make_row(chance)
            writer.writerow(row)


def _make_row(chance: random.Random) -> list[str]:
    created = _NEWEST - timedelta(seconds=chance.randrange(30 * 86_400))
    violated = created - timedelta(minutes=chance.randrange(3 * 1440))
    return [
        _make_number(chance),
        f"{created:%Y-%m-%d %H:%M:%S}",
        f"{violated:%Y-%m-%d %H:%M:00}",
        chance.choice(_CITIES),
        chance.choice(_STATES),
        str(chance.choice(_AREAS)),
        chance.choice(_SUBJECTS),
        chance.choice("YN"),
    ]


def _make_number(chance: random.Random) -> str:
    """Make a number: one in 30 is invalid; one in five is among a few hundred that are reported often."""
    if chance.random() < 1 / 30:
        return chance.choice(_BROKEN_NUMBERS)
    is_frequent = chance.random() < 0.2
    line = chance.randrange(300) if is_frequent else chance.randrange(2_000_000)
    return f"{chance.choice(_AREAS)}{200 + line // 10_000:03d}{line % 10_000:04d}"
