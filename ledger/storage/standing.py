"""What the server says of itself and of the application's login, for whoever looks after it. It reads catalogs only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from ledger.storage.database import Database

VERSION_MIN = 14
"""The first version with idle_session_timeout, which ends a frozen sequencer's session; docs/adr/0053."""

_READ = text("""
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
  pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only')::boolean AS is_read_only,
  pg_encoding_to_char(d.encoding) AS encoding, clock_timestamp() AS clock,
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0) AS connections_max,
  (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections_used,
  session_user::text AS login, r.rolsuper AS is_superuser, r.rolbypassrls AS bypasses_policies,
  coalesce((SELECT bool_or(pg_has_role(session_user, c.relowner, 'MEMBER')) FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')), false) AS owns_tables,
  coalesce((SELECT bool_or(has_table_privilege(session_user, c.oid, 'SELECT')) FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')), false) AS reads_unbound
FROM pg_roles r, pg_database d WHERE r.rolname = session_user AND d.datname = current_database()
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The server and our login on it. connections_max is what others than superusers may open, in all databases."""

    version: str
    major: int
    is_standby: bool
    is_read_only: bool
    encoding: str
    clock: datetime
    connections_max: int
    connections_used: int
    login: str
    is_superuser: bool
    bypasses_policies: bool
    owns_tables: bool
    reads_unbound: bool

    def list_excess(self) -> Iterator[str]:
        """What the login may do that makes row-level security worth nothing, as predicates of a sentence."""
        if self.is_superuser:
            yield "is a superuser"
        elif self.bypasses_policies:
            yield "bypasses row-level security"
        if self.owns_tables and not self.is_superuser:
            yield "owns the tables"
        elif self.reads_unbound and not self.is_superuser:
            yield "reads tables without having been bound to a role"


async def read_standing(database: Database) -> Standing:
    """Read it as the login itself, bound to no role. Errors: as ledger/storage/failures.py says."""
    return Standing(**(await database.ask_unbound(_READ))._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
