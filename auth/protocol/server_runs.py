"""Runs of the authorization server: one transaction, one time and one server for each request.

Whatever is malformed is refused with a 400, never a 500. A refusal of the protocol commits, since a replay that is
refused must leave its trace; anything else that fails is rolled back.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from authlib.oauth2.rfc6749 import InvalidRequestError
from joserfc.errors import JoseError
from sqlalchemy import Connection
from starlette.requests import Request

from auth.clock import Clock
from auth.outcomes import AccountEvent, record_outcome
from auth.protocol.authorization_server import AuthorizationServer
from auth.protocol.grants import GRANTS
from auth.protocol.requests import ProtocolRequest, check_protocol_parameters, read_query
from auth.settings import AuthSettings
from auth.tokens.signing_keys import SigningKeyStore
from ledger.bounds.rates import SlidingLimit
from ledger.storage.database import Database
from ledger.storage.roles import Role

T = TypeVar("T")
_logger = logging.getLogger(__name__)


class ServerRuns:
    """Creates the authorization server of each request. One per process."""

    def __init__(self, database: Database, *, keys: SigningKeyStore, settings: AuthSettings, clock: Clock) -> None:
        """No client's requests have been counted yet."""
        self.database = database
        self.settings = settings
        self.clock = clock
        self._keys = keys
        self._client_limit = SlidingLimit(
            requests_max=settings.token_requests_per_client,
            window_s=settings.oauth_window_seconds,
        )

    async def run(self, work: Callable[[AuthorizationServer], T]) -> T:
        """Run the work in a transaction of its own. Errors: InvalidRequestError, DatabaseUnavailableError."""
        as_of = self.clock()
        keys = await self._keys.get(as_of=as_of)

        outcomes: list[AccountEvent] = []

        def run(connection: Connection) -> T:
            server = AuthorizationServer(
                connection,
                grants=GRANTS,
                keys=keys,
                keyring=self.database.keyring,
                settings=self.settings,
                as_of=as_of,
                admit_client=lambda share: self._client_limit.admit(share, as_of=as_of),
            )
            found = work(server)
            outcomes.extend(server.outcomes)
            return found

        try:
            async with self.database.system(Role.AUTH, as_of=as_of) as tx:
                found = await tx.connection.run_sync(run)
                for told in outcomes:
                    await record_outcome(tx, told)
                return found
        except (ValueError, JoseError, RecursionError) as error:
            # Some input makes Authlib's own parsers and error texts fail; nothing was committed.
            _logger.warning("oauth_request_malformed", exc_info=error)
            raise InvalidRequestError("The request is malformed.") from None

    def read_authorization_request(self, request: Request) -> ProtocolRequest:
        """Read the authorization request in the query. Errors: InvalidRequestError."""
        parameters = check_protocol_parameters(read_query(request))
        return ProtocolRequest("GET", self.settings.authorization_endpoint, parameters=parameters, headers={})
