"""What an endpoint of the protocol answers, and how that reaches the caller.

An answer that could hold a secret is never cached, and a client is never shown a page: clients read JSON.

Source: RFC 6749 sections 5.1 and 5.2.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.errors import AuthError
from ledger.errors import Category, LedgerError

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
PUBLIC_FOR_A_WHILE = {"Cache-Control": "public, max-age=300"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answers: a JSON body, or a redirect of the browser to the client."""

    status: int
    body: Any
    headers: Sequence[tuple[str, str]] = ()


Handler = Callable[[Request], Awaitable[Response]]
Refuse = Callable[[Request, Answer], Response]


class TooManyRequestsError(OAuth2Error):  # type: ignore[misc]
    """The caller sends more requests than it may. RFC 6749 has no closer error code than this one."""

    error = "temporarily_unavailable"
    description = "Too many token requests; a token can be used until it expires."
    status_code = 429

    def __init__(self, retry_after_s: int, *, setting: str) -> None:
        """Take the seconds after which the caller may try again, and the variable that bounds its requests."""
        super().__init__(description=f"{self.description} The bound is {setting}.")
        self.retry_after_s = retry_after_s

    def get_headers(self) -> list[tuple[str, str]]:
        """Return Authlib's headers, with the time to wait."""
        return [*super().get_headers(), ("Retry-After", str(self.retry_after_s))]


def render_json(answer: Answer) -> Response:
    """Render the answer as JSON that no cache keeps."""
    return JSONResponse(answer.body, status_code=answer.status, headers={**dict(answer.headers), **NO_STORE})


def guarded(handler: Handler, refuse: Refuse = lambda _request, answer: render_json(answer)) -> Handler:
    """Answer every refusal of the handler in the form of RFC 6749, and an outage with 503."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except OAuth2Error as error:
            return refuse(request, Answer(*error()))
        except (LedgerError, AuthError) as error:
            if error.category is not Category.UNAVAILABLE:
                raise
            body = {"error": "temporarily_unavailable", "error_description": error.message}
            return refuse(request, Answer(503, body, [("Retry-After", "1")]))

    return answer
