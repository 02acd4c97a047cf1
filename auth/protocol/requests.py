"""Adapts Starlette requests for Authlib's grants: parsed once, checked and bounded.

Every parameter of an adapted request was sent exactly once and, where the protocol allows nothing else, is printable
ASCII, so that neither Authlib's error texts nor PostgreSQL can fail on it. A secret must never be read from a URL.

Source: RFC 6749 sections 2.3, 3.1, 3.2 and appendix A; the adapter's shape is polar's oauth2/requests.py.
"""

import base64
import binascii
import ipaddress
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import parse_qsl, unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Payload, OAuth2Request
from starlette.requests import Request

from auth.tokens.dpop import Proof

REQUEST_BYTES_MAX = 16_384
_FIELDS_MAX = 40
_DOTS_OF_A_JWT = 2
_ADDRESS_CHARACTERS_MAX = 64
"""The longest address that is remembered."""
_FORM = "application/x-www-form-urlencoded"
_QUOTED_FREELY = frozenset({"state"})
"""May contain quotes and backslashes: it is returned to the client escaped and appears in no error text."""


class Payload(OAuth2Payload):  # type: ignore[misc]
    """The parameters of one request, each sent once."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        """Take checked parameters."""
        self._parameters = dict(parameters)

    @property
    def data(self) -> dict[str, str]:
        """Return every parameter."""
        return self._parameters

    @property
    def datalist(self) -> dict[str, list[str]]:
        """Return every parameter, as lists of one."""
        return {name: [value] for name, value in self._parameters.items()}


class ProtocolRequest(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib's grants read it; nothing in it waits for the network."""

    def __init__(
        self,
        method: str,
        uri: str,
        *,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        proofs: Sequence[str] = (),
        address: str = "",
    ) -> None:
        """Take the endpoint's own URI from our settings, never from the Host header."""
        super().__init__(method, uri, headers=dict(headers))
        self.payload = Payload(parameters)
        self.proofs = proofs
        self.address = address
        """The caller's address, as limits count it; empty for a request through the browser."""
        self.is_authenticated = False
        """Whether the request's `client` has authenticated, a public one by its id alone."""
        self.has_shown_token = False
        self.proof: Proof | None = None
        """The DPoP proof, once it is verified."""
        self.pushed_id: str | None = None
        self.pushed_at: datetime | None = None
        self.key_thumbprint: str | None = None
        """The key that a code for this request is bound to, if the request was pushed with a proof."""

    @property
    def args(self) -> dict[str, str]:
        """Return the parameters of the query."""
        return dict(self.payload.data)

    @property
    def form(self) -> dict[str, str]:
        """Return the parameters of the form."""
        return dict(self.payload.data)

    @property
    def is_proved(self) -> bool:
        """Return whether the caller has shown anything that not everybody knows: a secret, key, code or token."""
        is_public = self.client is not None and self.client.auth_method == "none"
        return (self.is_authenticated and not is_public) or self.user is not None or self.has_shown_token

    @property
    def claimed_client_id(self) -> str | None:
        """Return the client that the request names, authenticated or not."""
        if self.has_basic:
            return _basic_user(self.headers["Authorization"])
        return self.payload.client_id or _subject_of(self.payload.data.get("client_assertion", ""))

    @property
    def has_basic(self) -> bool:
        """Return whether the client authenticates by the Authorization header."""
        return "Authorization" in self.headers


def parse_parameters(encoded: bytes) -> dict[str, str]:
    """Parse the parameters of a query or a form, each sent once; one without a value counts as not sent.

    Errors: InvalidRequestError.
    """
    try:
        pairs = parse_qsl(encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise InvalidRequestError("The parameters are not well formed.") from None
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise InvalidRequestError("A parameter was sent more than once.")
    return {name: value for name, value in pairs if value}


def check_protocol_parameters(parameters: Mapping[str, str]) -> Mapping[str, str]:
    """Return the parameters, if each contains only what RFC 6749 appendix A allows. Errors: InvalidRequestError."""
    for name, value in parameters.items():
        is_printable = value.isascii() and value.isprintable() and name.isascii() and name.isprintable()
        if not is_printable or (name not in _QUOTED_FREELY and ('"' in value or "\\" in value)):
            raise InvalidRequestError("A parameter holds characters that it can't hold.")
    return parameters


async def read_form(request: Request) -> dict[str, str]:
    """Read the parameters of a form, all of it before anything else happens.

    Errors: InvalidRequestError, for another content type, too many bytes and malformed content.
    """
    content_types = request.headers.getlist("content-type")
    if len(content_types) != 1 or content_types[0].split(";", 1)[0].strip().lower() != _FORM:
        raise InvalidRequestError(f"Send the parameters as {_FORM}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > REQUEST_BYTES_MAX:
            raise InvalidRequestError("The request is too large.")
    return parse_parameters(bytes(body))


def read_query(request: Request) -> dict[str, str]:
    """Read the parameters of the query. Errors: InvalidRequestError."""
    query: bytes = request.scope["query_string"]
    if len(query) > REQUEST_BYTES_MAX:
        raise InvalidRequestError("The request is too large.")
    return parse_parameters(query)


async def read_client_request(request: Request, *, uri: str) -> ProtocolRequest:
    """Read a request of a client that authenticates itself, as to the token endpoint.

    Errors: InvalidRequestError, for parameters in the URL, repeated parameters, two client authentications at once,
    an unreadable Basic header, and malformed content; InvalidClientError, for a client secret in the body.
    """
    if request.scope["query_string"]:
        raise InvalidRequestError("This endpoint takes no parameters in the URL.")
    form = check_protocol_parameters(await read_form(request))
    headers = _read_authorization(request)
    client_id = form.get("client_id")
    ways = (headers, "client_secret" in form, "client_assertion" in form or "client_assertion_type" in form)
    if sum(map(bool, ways)) > 1:
        raise InvalidRequestError("Authenticate the client in one way only.")
    if headers and client_id is not None and client_id != _basic_user(headers["Authorization"]):
        raise InvalidRequestError("The client_id is not the one that authenticates.")
    if "client_secret" in form:
        raise InvalidClientError("Send the client secret in the Authorization header (client_secret_basic).")
    if ("client_assertion" in form) != ("client_assertion_type" in form):
        raise InvalidRequestError("Send client_assertion and client_assertion_type together.")
    proofs = tuple(request.headers.getlist("dpop"))
    address = address_of(request)
    return ProtocolRequest("POST", uri, parameters=form, headers=headers, proofs=proofs, address=address)


def address_of(request: Request) -> str:
    """Return the caller's address as limits count it."""
    return group_address(request.client.host if request.client else "local")


def group_address(host: str) -> str:
    """Return an address as limits count it: an IPv4 address, or the /64 that one IPv6 subscriber holds."""
    return _grouped(host) if len(host) <= _ADDRESS_CHARACTERS_MAX else _group(host)


def _group(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


_grouped = lru_cache(maxsize=4_096)(_group)


def _read_authorization(request: Request) -> dict[str, str]:
    """Return the Authorization header in the one form that is read from here on."""
    values = request.headers.getlist("authorization")
    if len(values) > 1:
        raise InvalidRequestError("Authenticate the client in one way only.")
    if not values:
        return {}
    user, password = _read_basic(values[0])
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _subject_of(assertion: str) -> str | None:
    """Return the subject of an assertion, unverified."""
    encoded = assertion.split(".")[1] if assertion.count(".") == _DOTS_OF_A_JWT else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return subject if isinstance(subject, str) else None


def _basic_user(header: str) -> str:
    return _read_basic(header)[0]


def _read_basic(header: str) -> tuple[str, str]:
    """Return the user and password of a Basic header, each form-encoded or plain (RFC 6749 section 2.3.1).

    Errors: InvalidRequestError, for any other header and an unreadable one.
    """
    scheme, _, encoded = header.partition(" ")
    try:
        credentials = base64.b64decode(encoded.strip(), validate=True).decode("ascii")
        user, colon, password = credentials.partition(":")
        # Our ids and secrets contain no percent sign or plus, so that decoding is unambiguous.
        user, password = unquote_plus(user, errors="strict"), unquote_plus(password, errors="strict")
    except (binascii.Error, ValueError):
        scheme, colon, user, password = "", "", "", ""
    readable = (user + password).isascii() and (user + password).isprintable() and ":" not in user
    if scheme.lower() != "basic" or not colon or not readable or "%" in user + password:
        raise InvalidRequestError("The Authorization header is no Basic authentication of ours.")
    return user, password
