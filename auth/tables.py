"""The tables of auth.

Importing this module fills the metadata. The AUTH role alone touches these tables, except where a table names another
role; AUTH also reads every row of `members`, `brands`, `offices` and `officers`, and writes none.
"""

from sqlalchemy import Table

from auth.clients import table as clients
from auth.login import table as login
from auth.protocol import table as protocol
from auth.tokens import table as tokens

AUTH_TABLES: tuple[Table, ...] = tuple(
    part for room in (clients, tokens, protocol, login) for part in vars(room).values() if isinstance(part, Table)
)
