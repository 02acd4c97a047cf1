"""This process's copy of recent revocations, refreshed by one bounded statement at most every half second.

It must only ever be used to refuse: the status of a token that it doesn't name is checked when the token is first seen
and every few seconds after (token_status.py). A revocation by any process therefore takes effect in every process
within a second. Requests and open streams share one watch.
"""

import asyncio
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from auth.settings import AuthSettings
from auth.tokens.table import revoked_tokens
from ledger.storage.database import Database
from ledger.storage.roles import Role

_OVERLAP = timedelta(seconds=30)
"""A revocation has the time at which its transaction began, by its own machine's clock."""
_REVOCATIONS_MAX = 10_000
# Made once: it is the statement that an idle process runs most.
_RECENT = (
    select(revoked_tokens.c.token_id).where(revoked_tokens.c.revoked_at > bindparam("since")).limit(bindparam("most"))
)


class RevocationWatch:
    """The ids revoked recently. One per process; owned by the event loop's thread."""

    def __init__(self, database: Database, settings: AuthSettings) -> None:
        """Start with nothing read."""
        self._database = database
        self._interval_s = settings.revocation_check_seconds
        self._revoked: frozenset[str] = frozenset()
        self._asked_at: datetime | None = None
        self._overflowed_at: datetime | None = None
        self._asking = asyncio.Lock()

    def names(self, *ids: str | None) -> bool:
        """Return whether any of these was revoked recently."""
        return not self._revoked.isdisjoint(ids)

    def named_among(self, ids: AbstractSet[str]) -> AbstractSet[str]:
        """Return which of these were revoked recently."""
        return ids & self._revoked

    def has_all_since(self, asked_at: datetime) -> bool:
        """Return whether every revocation since then is known: False if there were more than fit.

        A token whose status was checked before must then be checked again.
        """
        return self._overflowed_at is None or asked_at >= self._overflowed_at

    async def catch_up(self, as_of: datetime) -> None:
        """Read recent revocations, unless that was done a moment ago.

        Errors: DatabaseUnavailableError.
        """
        if not self._is_due(as_of):
            return
        # A caller that arrives during another's read waits for it: the previous result would be too old.
        async with self._asking:
            if not self._is_due(as_of):
                return
            since = (self._asked_at or as_of) - _OVERLAP
            async with self._database.system(Role.AUTH, as_of=as_of) as tx:
                found = frozenset((await tx.execute(_RECENT, {"since": since, "most": _REVOCATIONS_MAX})).scalars())
            self._revoked = found
            self._asked_at = as_of
            if len(found) == _REVOCATIONS_MAX:
                self._overflowed_at = as_of

    def _is_due(self, as_of: datetime) -> bool:
        return self._asked_at is None or abs((as_of - self._asked_at).total_seconds()) >= self._interval_s
