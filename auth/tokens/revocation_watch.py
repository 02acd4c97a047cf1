"""What was revoked lately, as this process knows it: one bounded statement at most every half second.

It only ever takes away: a token that it doesn't name was asked about when it was first seen and is asked about
again (standing.py). So a revocation by any process is effective in every process within a second. Requests and open
streams share one watch.
"""

import asyncio
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from sqlalchemy import select

from auth.settings import AuthSettings
from auth.tokens.table import revoked_tokens
from ledger.storage.database import Database
from ledger.storage.roles import Role

_OVERLAP = timedelta(seconds=30)
"""A revocation carries the time at which its transaction began, by the clock of its own machine."""
_REVOCATIONS_MAX = 10_000


class RevocationWatch:
    """The ids revoked lately. One per process; owned by the event loop's thread."""

    def __init__(self, database: Database, settings: AuthSettings) -> None:
        """Nothing is known yet."""
        self._database = database
        self._interval_s = settings.revocation_check_s
        self._revoked: frozenset[str] = frozenset()
        self._asked_at: datetime | None = None
        self._overflowed_at: datetime | None = None
        self._asking = asyncio.Lock()

    def names(self, *ids: str | None) -> bool:
        """Whether any of these was revoked lately."""
        return not self._revoked.isdisjoint(ids)

    def named_among(self, ids: AbstractSet[str]) -> AbstractSet[str]:
        """Which of these were revoked lately."""
        return ids & self._revoked

    def has_all_since(self, asked_at: datetime) -> bool:
        """Whether nothing revoked since then is missing here: False where more was revoked than fits.

        Whose standing was asked before must then be asked again.
        """
        return self._overflowed_at is None or asked_at >= self._overflowed_at

    async def catch_up(self, as_of: datetime) -> None:
        """Ask what is new, unless that was asked a moment ago.

        Errors: DatabaseUnavailableError.
        """
        if not self._is_due(as_of):
            return
        # Whoever comes while another asks waits for that answer: going on with the old one would be too late.
        async with self._asking:
            if not self._is_due(as_of):
                return
            since = (self._asked_at or as_of) - _OVERLAP
            statement = select(revoked_tokens.c.token_id).where(revoked_tokens.c.revoked_at > since)
            async with self._database.system(Role.AUTH, as_of=as_of) as tx:
                found = frozenset((await tx.execute(statement.limit(_REVOCATIONS_MAX))).scalars())
            self._revoked = found
            self._asked_at = as_of
            if len(found) == _REVOCATIONS_MAX:
                self._overflowed_at = as_of

    def _is_due(self, as_of: datetime) -> bool:
        return self._asked_at is None or abs((as_of - self._asked_at).total_seconds()) >= self._interval_s
