"""How we connect to PostgreSQL: the pool of a process, and the one connection of a migration.

DATABASE_DIRECT_URL declares that DATABASE_URL leads through a pooler, such as PgBouncer in transaction mode, that gives
each transaction another connection of the server. The pool then leaves nothing on a connection that outlives its
transaction: statements are prepared without a name and parsed each time. Whatever needs a session of its own goes
around the pooler (ledger/feed/direct.py). Only the startup parameter application_name is sent, which poolers accept.
Source: docs/adr/0116.
"""

from typing import Any

from sqlalchemy import event, pool
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ledger.settings import DatabaseSettings

APPLICATION_NAME = "jembatan"
_POOL_ONLY = ("prepared_statement_cache_size", "prepared_statement_name_func", "async_creator_fn", "async_fallback")
# A named statement would stay on whichever connection it was prepared on, and be missing on the next.
UNNAMED_ONLY: dict[str, Any] = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": lambda: "",
}


def async_url(url: str) -> str:
    """The URL with our driver, whichever variant of postgresql:// was given."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def read_driver_arguments(url: str) -> dict[str, Any]:
    """The driver's arguments, parsed as the pool parses them, so that a URL means the same to both."""
    dialect: Any = PGDialect_asyncpg
    _, arguments = dialect().create_connect_args(make_url(async_url(url)))
    return {name: value for name, value in arguments.items() if name not in _POOL_ONLY}


def make_pool(settings: DatabaseSettings) -> AsyncEngine:
    """Create the pool of a process, which connects when it is first used."""
    arguments: dict[str, Any] = {
        "timeout": settings.database_connect_timeout_seconds,
        "server_settings": {"application_name": APPLICATION_NAME},
    }
    engine = create_async_engine(
        async_url(settings.application_url),
        pool_size=settings.database_pool_size - settings.direct_read_connections,
        max_overflow=settings.database_pool_overflow,
        pool_timeout=settings.database_pool_timeout_seconds,
        connect_args=arguments | (UNNAMED_ONLY if settings.is_pooled else {}),
    )
    event.listen(engine.sync_engine, "connect", _decode_ids_as_text)
    return engine


def make_owner_engine(url: str) -> AsyncEngine:
    """Create the engine of a migration: a connection that is closed with its transaction, through a pooler or not."""
    return create_async_engine(async_url(url), poolclass=pool.NullPool, connect_args=UNNAMED_ONLY)


def _decode_ids_as_text(connection: Any, _record: Any) -> None:
    """Make the connection decode UUIDs as text, the form of ids in Python, so that no other code converts them."""
    connection.run_async(
        lambda driver: driver.set_type_codec("uuid", encoder=str, decoder=str, schema="pg_catalog", format="text")
    )
