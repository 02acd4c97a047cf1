"""GraphiQL for browsers, served entirely from this package: nothing is loaded from another host.

The page may run only our scripts and connect only to this host, so a token typed into it can't leak. The assets are the
published files, compressed, with their licences beside them.
"""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

ASSETS_PATH = "/graphql/assets"
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "txt": "text/plain; charset=utf-8"}
_ASSETS = (
    "react.production.min.js.gz",
    "react-dom.production.min.js.gz",
    "graphiql.min.js.gz",
    "graphiql.min.css.gz",
    "start.js",
    "LICENSES.txt",
)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Jembatan - GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{ASSETS_PATH}/graphiql.min.css">
<style>body {{ margin: 0; }} #graphiql {{ height: 100vh; }}</style>
</head>
<body>
<div id="graphiql">Loading</div>
<script src="{ASSETS_PATH}/react.production.min.js"></script>
<script src="{ASSETS_PATH}/react-dom.production.min.js"></script>
<script src="{ASSETS_PATH}/graphiql.min.js"></script>
<script src="{ASSETS_PATH}/start.js"></script>
</body>
</html>
"""


def render_page() -> Response:
    """Return the page, with the policy that confines it to this host."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY, "Vary": "Accept"})


async def serve_asset(request: Request) -> Response:
    """Serve one file of the page; an unlisted name is a 404."""
    asked = request.path_params["name"]
    name = next((name for name in _ASSETS if name.removesuffix(".gz") == asked), None)
    if name is None:
        return Response(status_code=404)
    headers = {"Cache-Control": "public, max-age=86400"}
    if name.endswith(".gz"):
        # Every browser accepts gzip, so the files are served in no other form.
        headers["Content-Encoding"] = "gzip"
    content = files("gateway").joinpath("graphiql_assets", name).read_bytes()
    return Response(content, headers=headers, media_type=_TYPES[asked.rsplit(".", 1)[-1]])
