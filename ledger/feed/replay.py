"""Replays a verified export: what its entries commit to last of each row, and the state in which they leave a subject.

Both are kept in a temporary database on disk, so that a log of any length needs little memory; it has no content of any
row, only hashes. The export counts as the truth, because it was verified: callers must do that first. Entries without
content, which were erased or archived, commit to nothing. No connection to the audited database is used here.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import orjson

from ledger.feed.audit_files import EntryLine
from ledger.feed.histories import HISTORIES
from ledger.feed.vocabulary import Subject

_TABLES = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;
CREATE TABLE rows (
  name TEXT, key TEXT, position INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (name, key)
) WITHOUT ROWID;
CREATE TABLE subjects (
  subject TEXT, id TEXT, first INTEGER NOT NULL, state TEXT, position INTEGER, PRIMARY KEY (subject, id)
) WITHOUT ROWID;
"""
_KEEP_ROW = """
INSERT INTO rows VALUES (?, ?, ?, ?)
ON CONFLICT (name, key) DO UPDATE SET position = excluded.position, hash = excluded.hash
"""
_KEEP_SUBJECT = "INSERT INTO subjects VALUES (?, ?, ?, NULL, NULL) ON CONFLICT (subject, id) DO NOTHING"
_KEEP_STATE = "UPDATE subjects SET state = ?, position = ? WHERE subject = ? AND id = ?"
_ENDED = "ENDED"


class Difference(StrEnum):
    """How the rows of the database differ from the log. Each is a stable code."""

    CONTENT = "CONTENT_DIFFERS"
    MISSING = "ROW_MISSING"
    UNRECORDED = "ROW_UNRECORDED"
    STATE = "STATE_DIFFERS"
    SALT = "CONTENT_SALT_MISSING"
    MOVE = "MOVE_UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFinding:
    """The first difference: the row, the entry that commits to it (None if none does), and both states, if it has any.

    table is None for a move that the log itself should not have.
    """

    difference: Difference
    table: str | None
    key: str
    position: int | None
    logged_state: str | None = None
    stored_state: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Commitment:
    """The last entry that commits to a row, and the hash of the row's content."""

    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """What the log says of a subject: its first entry, its last state, and the entry that says so."""

    first: int
    state: str | None
    position: int | None


class Replay:
    """What was read of an export so far. Use it as a context manager; the temporary database ends with it."""

    def __init__(self) -> None:
        """An empty replay, before the first entry."""
        self._kept = sqlite3.connect("", isolation_level=None)
        self._kept.executescript(_TABLES)
        self.has_gaps = False
        """Whether entries were erased or archived: earlier entries of any subject may be among them."""
        self.commits_from: int | None = None
        """The first entry that commits to content; those before it are from before there were commitments."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept.close()

    def take(self, entries: Iterable[EntryLine]) -> RowFinding | None:
        """Read entries in order; the first move that no table of moves has."""
        self._kept.execute("BEGIN")
        for entry in entries:
            if entry.entry is None or entry.reserved is None:
                self.has_gaps = True
                continue
            finding = self._take(entry.position, orjson.loads(entry.entry), orjson.loads(entry.reserved))
            if finding is not None:
                return finding
        self._kept.execute("COMMIT")
        return None

    def _take(self, position: int, told: Mapping[str, Any], reserved: Mapping[str, Any]) -> RowFinding | None:
        content = reserved.get("content")
        if content is not None:
            self.commits_from = self.commits_from or position
            self._kept.executemany(
                _KEEP_ROW, [(name, key, position, bytes.fromhex(digest)) for name, key, digest in content]
            )
        subject = told["subject"]
        self._kept.execute(_KEEP_SUBJECT, (subject, told["subjectId"], position))
        if subject == Subject.PARTICIPATION and "previousId" in told["payload"]:
            # Entries from before there were commitments say in this way alone that the earlier terms ended.
            self._kept.execute(_KEEP_STATE, (_ENDED, position, subject, told["payload"]["previousId"]))
        return self._move(position, subject, told["subjectId"], told["state"])

    def _move(self, position: int, subject: str, subject_id: str, state: str | None) -> RowFinding | None:
        history = HISTORIES.get(subject)
        if state is None or history is None:
            return None
        before = self.find_standings(subject, [subject_id])[subject_id].state
        is_unknown = before is None and self.has_gaps
        if not is_unknown and not history.allows(before, state):
            came = "begins" if before is None else f"comes from {before}"
            detail = f"the {subject} {came} as {state}" if before is None else f"the {subject} {came} to {state}"
            return RowFinding(difference=Difference.MOVE, table=None, key=subject_id, position=position, detail=detail)
        self._kept.execute(_KEEP_STATE, (state, position, subject, subject_id))
        return None

    def find_commitments(self, table: str, keys: Sequence[str]) -> dict[str, Commitment]:
        """The last commitments to these rows; those to which no entry commits are omitted."""
        statement = f"SELECT key, position, hash FROM rows WHERE name = ? AND key IN ({_marks(keys)})"
        return {key: Commitment(position, digest) for key, position, digest in self._fetch(statement, table, *keys)}

    def find_standings(self, subject: str, ids: Sequence[str]) -> dict[str, Standing]:
        """What the log says of these subjects; those that it doesn't know are omitted."""
        statement = f"SELECT id, first, state, position FROM subjects WHERE subject = ? AND id IN ({_marks(ids)})"
        return {row[0]: Standing(*row[1:]) for row in self._fetch(statement, subject, *ids)}

    def count_rows(self, table: str) -> int:
        """How many rows of a table the log commits to."""
        (found,) = self._fetch("SELECT count(*) FROM rows WHERE name = ?", table)
        return int(found[0])

    def count_subjects(self, subject: str) -> int:
        """How many subjects of a kind the log knows."""
        (found,) = self._fetch("SELECT count(*) FROM subjects WHERE subject = ?", subject)
        return int(found[0])

    def forget_rows(self, table: str, keys: Sequence[str]) -> None:
        """Leave out rows that exist, so that those that are missing remain."""
        self._kept.execute(f"DELETE FROM rows WHERE name = ? AND key IN ({_marks(keys)})", (table, *keys))

    def forget_subjects(self, subject: str, ids: Sequence[str]) -> None:
        """The same for subjects."""
        self._kept.execute(f"DELETE FROM subjects WHERE subject = ? AND id IN ({_marks(ids)})", (subject, *ids))

    def find_first_row(self, table: str) -> tuple[str, int] | None:
        """The key and the position of the row that remains and was committed to first, or None."""
        statement = "SELECT key, position FROM rows WHERE name = ? ORDER BY position LIMIT 1"
        return next(iter(self._fetch(statement, table)), None)

    def find_first_subject(self, subject: str) -> tuple[str, Standing] | None:
        """The subject that remains and has the first entry, or None."""
        statement = "SELECT id, first, state, position FROM subjects WHERE subject = ? ORDER BY first LIMIT 1"
        found = next(iter(self._fetch(statement, subject)), None)
        return None if found is None else (found[0], Standing(*found[1:]))

    def _fetch(self, statement: str, *values: str) -> Iterator[Any]:
        with closing(self._kept.execute(statement, values)) as cursor:
            yield from cursor.fetchall()


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
