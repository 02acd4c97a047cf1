"""Seeing the statements that a database is sent, to count or to read them."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from ledger.storage.database import Database


def count_statements(database: Database, record: Callable[[str], None]) -> Callable[[], None]:
    """Call record with each statement's text; returns what ends that. Transaction control is not reported."""

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        record(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    return lambda: event.remove(database.engine.sync_engine, "before_cursor_execute", note)
