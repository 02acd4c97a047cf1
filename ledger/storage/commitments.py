"""Committed rows: what an entry of the log commits to when it is about a row, as data beside the row's table.

A table that is declared with `committed_by` belongs to a subject of the log, whose id one of its columns holds. Every
event about the subject commits to the content of the subject's rows that its transaction wrote; ledger/feed/contents.py
hashes them. The content of a row is PostgreSQL's rendering of a JSON object of its columns by name, with times in UTC,
without those that are NULL or have their default: a column that is added later leaves the content of earlier rows
unchanged. A sealed column is not part of it; a digest of what was sealed is, so that sealing it under another key
changes nothing.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, MetaData, Table, TextClause

from ledger.storage.metadata import metadata
from ledger.storage.sealing import Keyring

_SUBJECTS_KEY = "id"

Digest = Callable[[Keyring, bytes, str], str]
"""Computes what a row keeps of a sealed value from the keyring, the plaintext, and the context that it is bound to."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The column of a sealed value's digest, and how that is computed.

    unless are columns any of which, where it is set, says that nothing is sealed here. A value that retention erased is
    empty, and has no digest.
    """

    digest: str
    compute: Digest
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A value that is too large for its row: the columns that name it, say how large it is, and hold its digest.

    compute returns the digest of what is stored under a name, None if that is not what was stored.
    """

    column: str
    size: str
    digest: str
    compute: Callable[[Any, str, int], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class CommittedBy:
    """The subject whose events commit to a row: its kind, and the column that holds its id.

    without are columns that change without an event and prove nothing, each with the reason beside the declaration.
    sealed has every sealed column; elsewhere is the value that the row has in rows of another table. The rows of one
    subject that one transaction writes are listed in one entry, so that there must be a bound to them.
    """

    subject: str
    column: str = _SUBJECTS_KEY
    without: frozenset[str] = frozenset()
    sealed: Mapping[str, Sealed] = field(default_factory=dict)
    elsewhere: Elsewhere | None = None

    @property
    def is_subject(self) -> bool:
        """Whether the rows are the subjects themselves, and not what belongs to them."""
        return self.column == _SUBJECTS_KEY


def committed_tables(*subjects: str, of: MetaData = metadata) -> Iterator[tuple[Table, CommittedBy]]:
    """The tables whose rows belong to these subjects, or to any, in order of their names."""
    for name in sorted(of.tables):
        table = of.tables[name]
        by = table.info.get("committed_by")
        if by is not None and (not subjects or by.subject in subjects):
            yield table, by


def content_columns(table: Table) -> list[Column[object]]:
    """The columns of a committed table that its rows' content is made of, in order of their names."""
    by: CommittedBy = table.info["committed_by"]
    left_out = by.without | by.sealed.keys()
    return sorted((column for column in table.columns if column.name not in left_out), key=lambda column: column.name)


def render_content(table: Table) -> str:
    """The SQL expression of the content of a row of the table, as text."""
    listed = ", ".join(_render_column(table, column) for column in content_columns(table))
    return f"(SELECT json_strip_nulls(row_to_json(c))::text FROM (SELECT {listed}) AS c)"


def render_key(table: Table) -> str:
    """The SQL expression of a row's key as text; the parts of a key of several columns are joined by a slash."""
    columns = ", ".join(f"{table.name}.{column.name}" for column in table.primary_key.columns)
    return f"concat_ws('/', {columns})"


def _render_column(table: Table, column: Column[object]) -> str:
    name = f"{table.name}.{column.name}"
    default = getattr(column.server_default, "arg", None)
    if default is None:
        return name
    if not isinstance(default, TextClause):
        quoted = str(default).replace("'", "''")
        default = f"'{quoted}'"
    return f"NULLIF({name}, {default}) AS {column.name}"
