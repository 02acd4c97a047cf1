"""Locks every table at once before a migration changes any, in one order, without ever blocking others for long.

Waiting for a lock while holding others is what makes a deadlock. The whole wait is shorter than the time after which
PostgreSQL looks for one, so it is always the migration that gives way, rolls back and tries again, never a serving
process that is in the middle of an operation.
"""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ledger.storage.failures import find_sqlstate

_TABLES = text("""
SELECT string_agg(format('%I', c.relname), ', ' ORDER BY c.relname) FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
""")
_LIMIT = text("""
SELECT set_config('statement_timeout', greatest(extract(epoch FROM setting::interval) * 800, 50)::int::text, true)
FROM (SELECT current_setting('deadlock_timeout') AS setting) s
""")
_SET = text("SELECT set_config('statement_timeout', :before, true)")
# Lock not available, a statement that took too long, a deadlock.
_IN_THE_WAY = frozenset({"55P03", "57014", "40P01"})


class TablesBusyError(Exception):
    """Another transaction holds one of the tables."""


def lock_tables(connection: Connection) -> None:
    """Lock all tables until the transaction ends. Errors: TablesBusyError; then the transaction must be rolled back."""
    tables = connection.scalar(_TABLES)
    if tables is None:
        return
    before = connection.scalar(text("SHOW statement_timeout"))
    connection.execute(_LIMIT)
    try:
        connection.exec_driver_sql(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
    except DBAPIError as error:
        if find_sqlstate(error) in _IN_THE_WAY:
            raise TablesBusyError from error
        raise
    connection.execute(_SET, {"before": before})
