"""What an event commits to: the content of the rows about its subject that its transaction wrote, by salted hashes.

    content hash = SHA-256(content salt || content of the row)           in hex, in the event's reserved part

An event is written after the rows that it is about, so that the statement that writes it finds them: they are the rows
of the subject that its own transaction wrote. So no writer can leave one out or change it after the event without the
verification saying so. Of several events about one subject in one statement only the last one lists them. Nobody who
reads the log may read the content salt: without it, a guess of a row's content can't be tested against its hash.
Source: docs/adr/0094.
"""

from collections.abc import Iterable
from functools import cache

from sqlalchemy import Table, TextClause, text

from ledger.feed.table import SALT, UUID_FORM, Event
from ledger.feed.vocabulary import Subject
from ledger.storage.commitments import committed_tables, render_content, render_key
from ledger.storage.records import declaration_of

_NO_CONTENT = "'[]'::jsonb"


def render_insertion(subjects: Iterable[Subject]) -> TextClause:
    """The statement that writes the events in `:rows`, about these kinds of subject, in that order."""
    names = sorted(set(subjects))
    return _render(tuple(table for table, _ in committed_tables(*names)) if names else ())


@cache
def _render(tables: tuple[Table, ...]) -> TextClause:
    stored = declaration_of(Event).stored()
    listed, given = ", ".join(stored), ", ".join(f"d.{name}" for name in stored)
    written = " UNION ALL ".join(map(_render_written, tables))
    hashes = (
        "(SELECT jsonb_agg(jsonb_build_array(w.name, w.key, encode(sha256(d.fresh_salt || "
        f"convert_to(w.content, 'UTF8')), 'hex')) ORDER BY w.name, w.key) FROM ({written}) AS w)"
    )
    content = f"coalesce(CASE WHEN d.is_last THEN {hashes} END, {_NO_CONTENT})" if tables else _NO_CONTENT
    return text(f"""
WITH drafts AS MATERIALIZED (
  SELECT r.*, {SALT} AS fresh_salt,
    CASE WHEN r.subject_id ~ '{UUID_FORM}' THEN r.subject_id::uuid END AS subject_key,
    row_number() OVER (PARTITION BY r.subject, r.subject_id ORDER BY r.ordinality DESC) = 1 AS is_last
  FROM ROWS FROM (json_populate_recordset(NULL::events, CAST(:rows AS json))) WITH ORDINALITY AS r
)
INSERT INTO events ({listed}, content, content_salt)
SELECT {given}, {content}, d.fresh_salt FROM drafts d ORDER BY d.ordinality
""")


def _render_written(table: Table) -> str:
    by = table.info["committed_by"]
    return (
        f"SELECT '{table.name}' AS name, {render_key(table)} AS key, {render_content(table)} AS content "
        f"FROM {table.name} WHERE d.subject = '{by.subject}' AND {table.name}.{by.column} = d.subject_key "
        f"AND {table.name}.xmin = pg_current_xact_id()::xid"
    )
