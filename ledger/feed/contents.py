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
from sqlalchemy.dialects import postgresql

from ledger.feed.table import SALT, UUID_FORM, Event
from ledger.feed.vocabulary import Subject
from ledger.storage.commitments import committed_tables, render_content, render_key
from ledger.storage.records import declaration_of

_SALTS = ("salt", "reserved_salt", "content_salt")
_ALIKE = ("actor_member_id", "actor_officer_id", "actor_client_id", "recorded_at")
_dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def render_insertion(subjects: Iterable[Subject]) -> TextClause:
    """The statement that writes the events in `:rows`, about these kinds of subject, in that order."""
    names = sorted(set(subjects))
    return _render(tuple(table for table, _ in committed_tables(*names)) if names else ())


@cache
def _render(tables: tuple[Table, ...]) -> TextClause:
    columns = declaration_of(Event).table.columns
    given = [name for name in declaration_of(Event).stored() if name not in _ALIKE]
    typed = ", ".join(f"{name} {columns[name].type.compile(_dialect)}" for name in given)
    listed = ", ".join((*given, *_ALIKE, *_SALTS))
    chosen = ", ".join(
        (
            *(f"d.{name}" for name in given),
            *(f"CAST(:{name} AS {columns[name].type.compile(_dialect)})" for name in _ALIKE),
            *(f"d.{name}" for name in _SALTS),
        )
    )
    salts = ", ".join(f"sha256(s.secret || int8send(r.ordinality) || '{name}'::bytea) AS {name}" for name in _SALTS)
    written = " UNION ALL ".join(map(_render_written, tables))
    hashed = "encode(sha256(w.content_salt || convert_to(w.content, 'UTF8')), 'hex')"
    contents = (
        f"SELECT w.ordinality, jsonb_agg(jsonb_build_array(w.name, w.key, {hashed}) ORDER BY w.name, w.key) AS content "
        f"FROM ({written}) AS w GROUP BY w.ordinality"
        if tables
        else "SELECT NULL::bigint AS ordinality, NULL::jsonb AS content WHERE false"
    )
    return text(f"""
WITH secret AS MATERIALIZED (
  SELECT {SALT} AS secret
), drafts AS MATERIALIZED (
  SELECT r.*, {salts},
    CASE WHEN r.subject_id ~ '{UUID_FORM}' THEN r.subject_id::uuid END AS subject_key,
    row_number() OVER (PARTITION BY r.subject, r.subject_id ORDER BY r.ordinality DESC) = 1 AS is_last
  FROM ROWS FROM (json_to_recordset(CAST(:rows AS json)) AS ({typed})) WITH ORDINALITY AS r CROSS JOIN secret s
), contents AS (
  {contents}
)
INSERT INTO events ({listed}, content)
SELECT {chosen}, coalesce(c.content, '[]'::jsonb)
FROM drafts d LEFT JOIN contents c ON c.ordinality = d.ordinality ORDER BY d.ordinality
""")


def _render_written(table: Table) -> str:
    by = table.info["committed_by"]
    return (
        f"SELECT d.ordinality, d.content_salt, '{table.name}' AS name, {render_key(table)} AS key, "
        f"{render_content(table)} AS content "
        f"FROM drafts d JOIN {table.name} ON {table.name}.{by.column} = d.subject_key "
        f"WHERE d.is_last AND d.subject = '{by.subject}' AND {table.name}.xmin = pg_current_xact_id()::xid"
    )
