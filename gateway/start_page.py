"""The page at `/`: what this service is, and where to go from here. It is the same for everybody."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.login.site import ACCOUNT
from auth.pages import Pages
from gateway.operations.media_types import wants_html
from gateway.settings import Settings

GRAPH, METADATA, READINESS = "/graphql", "/.well-known/oauth-authorization-server", "/readyz"


def make_start_page(settings: Settings) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint: a page for browsers, and the same addresses as JSON for programs.

    The addresses are PUBLIC_URL's: a Host that somebody made up must not get into them.
    """
    pages = Pages(settings.service_name)
    paths = {"graph": GRAPH, "authorizationServer": METADATA, "account": ACCOUNT, "readiness": READINESS}
    addresses = {name: f"{settings.base_url}{path}" for name, path in paths.items()}

    async def show(request: Request) -> Response:
        if wants_html(request.headers.get("accept")):
            response = pages.render("start", title="Where to go", addresses=addresses, has_graphiql=settings.graphiql)
        else:
            response = JSONResponse({"service": settings.service_name, **addresses})
        response.headers["Vary"] = "Accept"
        return response

    return show
