"""Links as people write them, in one form. Pure: nothing is fetched, so a short link stays what it is.

It must never guess: what browsers and programs take apart in different ways is refused, and two addresses are one only
if every program asks the same server for the same thing. Source: RFC 3986, section 6.2; UTS 46.
"""

from urllib.parse import quote, urlsplit

from ledger.accounts.addresses import UNCERTAIN, read_host
from ledger.errors import InvalidInputError
from ledger.texts import check_reference

LINK_LENGTH_MAX = 2_048
_PORTS = {"http": 80, "https": 443}
_KEPT = "!$%&'()*+,/:;=?@[]~"
"""What stays as it is written in a path and a query; whatever isn't ASCII is percent-encoded."""


class LinkInvalidError(InvalidInputError):
    """This is not a web address, or programs read it in different ways."""

    code = "LINK_INVALID"
    hint = "Send the whole address, beginning with https:// or http://, without a user before the host."


def read_link(text: str, *, field: str) -> str:
    """Return a web address in its one form: scheme and host in lower case and ASCII, without its fragment.

    Shapes: reading the form again gives itself. Errors: LinkInvalidError, TextTooLongError, TextInvalidError.
    """
    written = check_reference(text, field=field, length_max=LINK_LENGTH_MAX)
    if UNCERTAIN.search(written):
        raise LinkInvalidError(field=field)
    try:
        form = _render(written)
    except ValueError:  # urllib's, idna's, and a lone surrogate
        form = None
    if form is None or len(form) > LINK_LENGTH_MAX:
        raise LinkInvalidError(field=field)
    return form


def _render(written: str) -> str | None:
    parts = urlsplit(written)
    if parts.scheme not in _PORTS or "@" in parts.netloc or not parts.hostname:
        return None
    host = read_host(parts.hostname)
    if "." not in host:
        return None
    port = "" if parts.port in {None, _PORTS[parts.scheme]} else f":{parts.port}"
    query = f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{quote(parts.path, safe=_KEPT) or '/'}{query}"
