"""Redirect URIs: which may be registered, and whether the one in a request is registered.

URIs are compared character by character: a different prefix, case, port, query or userinfo never matches. The one
exception is the port of a loopback address for a native client, which can't know its port in advance.

Source: RFC 6749 section 3.1.2, RFC 9700 section 2.1, RFC 8252 sections 7 and 8.
"""

import re
from urllib.parse import urlsplit

from auth.errors import RedirectUriInvalidError
from auth.settings import is_loopback

URI_LENGTH_MAX = 2_000
_CHARACTERS = re.compile(r"^[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+\Z")
_PRIVATE_SCHEME = re.compile(r"^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+\Z")
_LOOPBACK_LITERALS = ("127.0.0.1", "::1")


def check_redirect_uri(uri: str, *, is_native: bool) -> str:
    """Return the URI, if a client may be registered with it. Errors: RedirectUriInvalidError."""
    if len(uri) > URI_LENGTH_MAX or not _CHARACTERS.match(uri):
        raise RedirectUriInvalidError(field="redirectUris")
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise RedirectUriInvalidError(field="redirectUris") from None
    if "@" in parts.netloc or parts.scheme != uri.split(":", 1)[0]:
        raise RedirectUriInvalidError(field="redirectUris")
    if parts.scheme == "https" and host:
        return uri
    if parts.scheme == "http" and host and is_loopback(host):
        return uri
    # A private-use scheme contains a dot: it is a reversed domain name, which its owner controls.
    if is_native and _PRIVATE_SCHEME.match(parts.scheme) and not parts.netloc:
        return uri
    raise RedirectUriInvalidError(field="redirectUris")


def matches_redirect_uri(sent: str, registered: str, *, is_native: bool) -> bool:
    """Return whether the URI in a request matches the registered one."""
    if sent == registered:
        return True
    return (
        is_native
        and (portless := _without_loopback_port(registered)) is not None
        and (portless == _without_loopback_port(sent))
    )


def origin_of(uri: str) -> str:
    """Return the origin as a content security policy writes it: `https://host:port`, or `scheme:` of an application."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _without_loopback_port(uri: str) -> str | None:
    """Return the URI without its port if it is plain http to a numeric loopback address, else None."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme != "http" or host not in _LOOPBACK_LITERALS or not _CHARACTERS.match(uri):
        return None
    literal = f"[{host}]" if ":" in host else host
    expected = literal if port is None else f"{literal}:{port}"
    rest = uri[len("http://") + len(parts.netloc) :]
    return f"http://{literal}{rest}" if parts.netloc == expected and uri.startswith("http://") else None
