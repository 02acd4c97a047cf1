"""Fraud signals and the place up to which they were followed, in one database, so that the two can't disagree.

Replace it with your own database; what matters is that a message and its cursor are written in one transaction.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS signals (
    id TEXT PRIMARY KEY, state TEXT, risk TEXT, category TEXT, valid_until TEXT
);
CREATE TABLE IF NOT EXISTS hashes (
    hash TEXT, signal_id TEXT REFERENCES signals ON DELETE CASCADE, PRIMARY KEY (hash, signal_id)
);
CREATE TABLE IF NOT EXISTS place (only_row INT PRIMARY KEY CHECK (only_row = 1), cursor TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Signal:
    """A signal. What is None is not told, and leaves what was known."""

    id: str
    state: str | None
    risk: str | None
    category: str | None
    valid_until: datetime | None = None
    hashes: tuple[str, ...] = ()


class Store:
    """A SQLite file with its default durability: what is committed survives the machine."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA foreign_keys = ON")
        self._database.executescript(_TABLES)

    @property
    def cursor(self) -> str | None:
        """The place after the last message; None before the first start."""
        row = self._database.execute("SELECT cursor FROM place").fetchone()
        return row[0] if row else None

    def take(self, signal: Signal | None, *, cursor: str) -> None:
        """Write what one message says together with its cursor. A message without an event only moves the cursor."""
        with self._database:
            if signal is not None:
                self._write(signal)
            self._move(cursor)

    def replace(self, signals: Iterable[Signal], *, cursor: str) -> None:
        """Begin again with exactly these signals; any other has ended, and what was done because of it is undone."""
        with self._database:
            self._database.execute("DELETE FROM signals")
            for signal in signals:
                self._write(signal)
            self._move(cursor)

    def _write(self, signal: Signal) -> None:
        valid_until = signal.valid_until.isoformat() if signal.valid_until else None
        self._database.execute(
            "INSERT INTO signals (id, state, risk, category, valid_until) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET state = coalesce(excluded.state, state), risk = coalesce(excluded.risk,"
            " risk), category = coalesce(excluded.category, category),"
            " valid_until = coalesce(excluded.valid_until, valid_until)",
            (signal.id, signal.state, signal.risk, signal.category, valid_until),
        )
        self._database.executemany(
            "INSERT INTO hashes VALUES (?, ?) ON CONFLICT DO NOTHING", [(each, signal.id) for each in signal.hashes]
        )

    def _move(self, cursor: str) -> None:
        self._database.execute(
            "INSERT INTO place VALUES (1, ?) ON CONFLICT (only_row) DO UPDATE SET cursor = excluded.cursor", (cursor,)
        )
