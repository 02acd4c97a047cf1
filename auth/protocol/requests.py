"""From a Starlette request to what Authlib's grants read: parsed once, checked, bounded.

What leaves here holds only parameters that were sent once, in printable ASCII where the protocol knows
nothing else, so that neither Authlib's error texts nor PostgreSQL can stumble over them. It must never
read a secret from a URL.

Source: RFC 6749 sections 2.3, 3.1, 3.2 and appendix A; the adapter's shape is polar's oauth2/requests.py.
"""

import base64
import binascii
import ipaddress
import json
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, unquote_plus

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Payload, OAuth2Request
from starlette.requests import Request

from auth.tokens.dpop import Proof

_FIELDS_MAX = 40
_DOTS_OF_A_JWT = 2
_FORM = "application/x-www-form-urlencoded"
_QUOTED_FREELY = frozenset({"state"})
"""May hold quotes and backslashes: it goes back to the client escaped and stands in no error text."""


class Payload(OAuth2Payload):  # type: ignore[misc]
    """The parameters of one request; each was sent once."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        """Take parameters that were checked."""
        self._parameters = dict(parameters)

    @property
    def data(self) -> dict[str, str]:
        """Every parameter."""
        return self._parameters

    @property
    def datalist(self) -> dict[str, list[str]]:
        """Every parameter, as lists of one."""
        return {name: [value] for name, value in self._parameters.items()}


class ProtocolRequest(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib's grants read it. Nothing in it waits for the network any more."""

    def __init__(
        self,
        method: str,
        uri: str,
        *,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        proofs: Sequence[str] = (),
    ) -> None:
        """The uri is the endpoint's own by our settings, never what the Host header says."""
        super().__init__(method, uri, headers=dict(headers))
        self.payload = Payload(parameters)
        self.proofs = proofs
        self.is_authenticated = False
        """Whether a client proved that it is the request's `client`."""
        self.proof: Proof | None = None
        """The one DPoP proof, once it verified."""
        self.pushed_id: str | None = None
        self.key_thumbprint: str | None = None
        """The key that a code for this request is bound to, where the request was pushed with a proof."""

    @property
    def args(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(self.payload.data)

    @property
    def form(self) -> dict[str, str]:
        """The form's parameters."""
        return dict(self.payload.data)

    @property
    def claimed_client_id(self) -> str | None:
        """The client that the request names, proved or not."""
        if self.has_basic:
            return _basic_user(self.headers["Authorization"])
        return self.payload.client_id or _subject_of(self.payload.data.get("client_assertion", ""))

    @property
    def has_basic(self) -> bool:
        """Whether the client authenticates by the Authorization header."""
        return "Authorization" in self.headers


def parse_parameters(encoded: bytes) -> dict[str, str]:
    """The parameters of a query or a form, each sent once; one without a value counts as not sent.

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
    """The same parameters, where each holds only what RFC 6749 appendix A lets it. Errors: InvalidRequestError."""
    for name, value in parameters.items():
        is_printable = value.isascii() and value.isprintable() and name.isascii() and name.isprintable()
        if not is_printable or (name not in _QUOTED_FREELY and ('"' in value or "\\" in value)):
            raise InvalidRequestError("A parameter holds characters that it can't hold.")
    return parameters


async def read_form(request: Request, *, bytes_max: int) -> dict[str, str]:
    """The parameters of a form, read whole before anything else happens.

    Errors: InvalidRequestError, for another content type, too many bytes and what is malformed.
    """
    content_types = request.headers.getlist("content-type")
    if len(content_types) != 1 or content_types[0].split(";", 1)[0].strip().lower() != _FORM:
        raise InvalidRequestError(f"Send the parameters as {_FORM}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise InvalidRequestError("The request is too large.")
    return parse_parameters(bytes(body))


def read_query(request: Request, *, bytes_max: int) -> dict[str, str]:
    """The parameters of the query. Errors: InvalidRequestError."""
    query: bytes = request.scope["query_string"]
    if len(query) > bytes_max:
        raise InvalidRequestError("The request is too large.")
    return parse_parameters(query)


async def read_client_request(request: Request, *, uri: str, bytes_max: int) -> ProtocolRequest:
    """A request by a client that authenticates itself: to the token endpoint and its like.

    Errors: InvalidRequestError, for parameters in the URL, repeated ones, two client authentications at
    once, an unreadable Basic header, and what is malformed.
    """
    if request.scope["query_string"]:
        raise InvalidRequestError("This endpoint takes no parameters in the URL.")
    form = check_protocol_parameters(await read_form(request, bytes_max=bytes_max))
    headers = _read_authorization(request)
    client_id = form.get("client_id")
    if "client_secret" in form:
        raise InvalidRequestError("Send the client secret in the Authorization header (client_secret_basic).")
    if headers:
        if "client_assertion" in form or "client_assertion_type" in form:
            raise InvalidRequestError("Authenticate the client in one way only.")
        if client_id is not None and client_id != _basic_user(headers["Authorization"]):
            raise InvalidRequestError("The client_id is not the one that authenticates.")
    if ("client_assertion" in form) != ("client_assertion_type" in form):
        raise InvalidRequestError("Send client_assertion and client_assertion_type together.")
    proofs = tuple(request.headers.getlist("dpop"))
    return ProtocolRequest("POST", uri, parameters=form, headers=headers, proofs=proofs)


def address_of(request: Request) -> str:
    """The caller's address as limits count it: one of IPv4, or the /64 that one IPv6 subscriber holds."""
    host = request.client.host if request.client else "local"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _read_authorization(request: Request) -> dict[str, str]:
    """The Authorization header in the one form that is read further on."""
    values = request.headers.getlist("authorization")
    if len(values) > 1:
        raise InvalidRequestError("Authenticate the client in one way only.")
    if not values:
        return {}
    user, password = _read_basic(values[0])
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _subject_of(assertion: str) -> str | None:
    """The client that an assertion says it is of, unverified."""
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
    """User and password of a Basic header, each form-encoded or plain (RFC 6749 section 2.3.1).

    Errors: InvalidRequestError for any other header and an unreadable one.
    """
    scheme, _, encoded = header.partition(" ")
    try:
        credentials = base64.b64decode(encoded.strip(), validate=True).decode("ascii")
        user, colon, password = credentials.partition(":")
        # Neither an id nor a secret of ours holds a percent sign or a plus: nothing is read in two ways.
        user, password = unquote_plus(user, errors="strict"), unquote_plus(password, errors="strict")
    except (binascii.Error, ValueError):
        scheme, colon, user, password = "", "", "", ""
    readable = (user + password).isascii() and (user + password).isprintable() and ":" not in user
    if scheme.lower() != "basic" or not colon or not readable or "%" in user + password:
        raise InvalidRequestError("The Authorization header is no Basic authentication of ours.")
    return user, password
