"""The roles' rights in a database: writing those that are declared, and telling whether they still hold.

A migration records two hashes: of the statements that it was to run, and of the rights in the catalog after it ran
them. So the next one knows that nothing is left to do, and a start notices rights of another version or changed by
hand. A policy is compared as PostgreSQL stores it, parsed: rendering it as text would lock its table.
"""

import hashlib

from sqlalchemy import Connection, text

from ledger.storage.access import render_access_statements
from ledger.storage.roles import Role, role_name
from migrations.metadata import metadata

CATALOG_RIGHTS = """
SELECT encode(sha256(convert_to(string_agg(line, E'\\n' ORDER BY line), 'UTF8')), 'hex') FROM (
  SELECT concat_ws(' ', c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relacl::text) AS line
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  UNION ALL
  SELECT concat_ws(' ', a.attrelid::regclass, a.attname, a.attacl::text)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  WHERE c.relnamespace = 'public'::regnamespace AND a.attacl IS NOT NULL
  UNION ALL
  SELECT concat_ws(' ', p.polrelid::regclass, p.polname, p.polpermissive, p.polcmd, p.polqual::text,
    p.polwithcheck::text,
    (SELECT string_agg(r.rolname, ',' ORDER BY r.rolname) FROM pg_roles r WHERE r.oid = ANY(p.polroles)))
  FROM pg_policy p
  UNION ALL
  SELECT concat_ws(' ', 'schema', nspacl::text) FROM pg_namespace WHERE nspname = 'public'
) rights
"""
"""One hash of every right and policy on the tables, as any role may compute it."""

_RECORD = text(f"""
INSERT INTO schema_rights (id, declared, found, written_at) VALUES (1, :declared, ({CATALOG_RIGHTS}), now())
ON CONFLICT (id) DO UPDATE SET declared = excluded.declared, found = excluded.found, written_at = excluded.written_at
""")
HOLDS = text(f"SELECT declared = :declared AND found = ({CATALOG_RIGHTS}) FROM schema_rights WHERE id = 1")
"""Whether the rights are those of declared and nobody has changed them since; no row if none were ever recorded."""


def render_rights(role_prefix: str) -> list[str]:
    """Return the statements that revoke every right and grant exactly those that are declared."""
    every_role = ", ".join(role_name(role_prefix, role) for role in Role)
    return [
        *render_access_statements(metadata, role_prefix=role_prefix),
        f"GRANT SELECT ON alembic_version TO {every_role}",
    ]


def hash_rights(role_prefix: str) -> str:
    """Return the hexadecimal SHA-256 of what this version declares."""
    return hashlib.sha256("\n".join(render_rights(role_prefix)).encode()).hexdigest()


def write_rights(connection: Connection, role_prefix: str) -> None:
    """Set every right, and record what was set."""
    for statement in render_rights(role_prefix):
        connection.exec_driver_sql(statement)
    connection.execute(_RECORD, {"declared": hash_rights(role_prefix)})
