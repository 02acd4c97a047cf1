"""The endpoints that clients call with their own authentication: token, par, revoke and introspect.

Each reads its request whole, is limited by the caller's address, and leaves an event of the request in the transaction
that answers it. Requests of callers who prove nothing must not fill the record: of those, only so many leave one.

Source: RFC 6749 sections 3.2 and 5; RFC 9449 section 8 (nonces).
"""

from collections.abc import Callable

from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.requests import Request
from starlette.responses import Response

from auth.protocol.answers import Answer, Handler, TooManyRequestsError, guarded, render_json
from auth.protocol.authorization_server import AuthorizationServer
from auth.protocol.requests import ProtocolRequest, address_of, read_client_request
from auth.protocol.server_runs import ServerRuns
from auth.tokens.dpop import issue_nonce
from auth.tokens.token_events import RECORD_EVENT, describe_event
from ledger.bounds.rates import SlidingLimit
from ledger.storage.roles import Role

Work = Callable[[AuthorizationServer, ProtocolRequest], Answer]


class ClientEndpoints:
    """What the endpoints for clients share. One per process."""

    def __init__(self, runs: ServerRuns) -> None:
        """No request has been counted yet."""
        self._runs = runs
        settings = runs.settings
        window_s = settings.oauth_window_seconds
        self._limit = SlidingLimit(requests_max=settings.token_requests_per_address, window_s=window_s)
        self._recorded = SlidingLimit(requests_max=settings.token_refusals_recorded, window_s=window_s)
        self._recorded_of = SlidingLimit(requests_max=settings.token_refusals_per_address, window_s=window_s)

    def serve(self, endpoint: str, work: Work) -> Handler:
        """Return the handler of POST /oauth/<endpoint>."""

        async def answer(request: Request) -> Response:
            return await self._answer(request, endpoint, work)

        return guarded(answer)

    async def _answer(self, request: Request, endpoint: str, work: Work) -> Response:
        runs, address = self._runs, address_of(request)
        # A flood leaves no rows: what is refused here is only counted.
        retry_after_s = self._limit.admit(address, as_of=runs.clock())
        if retry_after_s is not None:
            raise TooManyRequestsError(retry_after_s, setting="JEMBATAN_TOKEN_REQUESTS_PER_ADDRESS")

        def answer_recorded(server: AuthorizationServer) -> Answer:
            answer = server.answer_client(adapted, work)
            if adapted.is_proved or self._is_recorded(address):
                server.record(adapted, answer, endpoint=endpoint)
            return answer

        try:
            uri = f"{runs.settings.issuer}/oauth/{endpoint}"
            adapted = await read_client_request(request, uri=uri)
            response = render_json(await runs.run(answer_recorded))
        except OAuth2Error as error:
            await self._record_refusal(endpoint, address, error)
            raise
        if adapted.proofs:
            nonce = issue_nonce(runs.database.keyring, as_of=runs.clock())
            response.headers["DPoP-Nonce"] = nonce
        return response

    async def _record_refusal(self, endpoint: str, address: str, error: OAuth2Error) -> None:
        """Write the event of a request that was refused before its client was known."""
        if not self._is_recorded(address):
            return
        as_of = self._runs.clock()
        async with self._runs.database.system(Role.AUTH, as_of=as_of) as tx:
            event = describe_event(as_of=as_of, endpoint=endpoint, address=address, outcome=error.error)
            await tx.execute(RECORD_EVENT, event)

    def _is_recorded(self, address: str) -> bool:
        """Return whether a request that proves nothing leaves an event; counts it if it does."""
        as_of = self._runs.clock()
        # An address that is over its own limit leaves the rest of the common one to the others.
        return self._recorded_of.admit(address, as_of=as_of) is None and self._recorded.admit("", as_of=as_of) is None
