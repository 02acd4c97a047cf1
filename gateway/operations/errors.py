"""The only place where an exception becomes an HTTP status and an `extensions.code`.

    GatewayError
    +-- RequestRefusedError          the HTTP request itself; same status for every media type
    |   +-- MalformedRequestError, NumberInUrlError, BodyTooLargeError, MethodNotAllowedError, ...
    |   +-- TokenInvalidError, RateLimitedError, OverloadedError, OperationTimeoutError
    +-- OperationRefusedError        a well-formed request whose operation is not executed
        +-- DocumentSyntaxError, DocumentInvalidError, OperationUnknownError, ...
        +-- OperationTooComplexError, PageTooLargeError, ScopesMissingError, UnauthenticatedError

Their text is built only from what the client sent and from the schema. Any exception that is neither a GatewayError nor
a LedgerError is internal: the client reads one fixed sentence and the request id, and the cause is logged
(failures.py).
Source: GraphQL over HTTP, section "Status Codes"; RFC 6750 section 3 for the challenges.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

from ledger.errors import Category


class Code(StrEnum):
    """Every value that `extensions.code` may have."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNAUTHORIZED_FIELD_OR_TYPE = "UNAUTHORIZED_FIELD_OR_TYPE"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    OPERATION_TOO_COMPLEX = "OPERATION_TOO_COMPLEX"
    RATE_LIMITED = "RATE_LIMITED"
    MEMBER_UNAVAILABLE = "MEMBER_UNAVAILABLE"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


# A four-eyes or officers-only refusal depends on who asks: no other scope would help, as UNAUTHORIZED_FIELD_OR_TYPE
# promises. The same input from the same caller is never accepted.
CODE_OF_CATEGORY: Mapping[Category, Code] = {
    Category.BAD_USER_INPUT: Code.BAD_USER_INPUT,
    Category.NOT_FOUND: Code.NOT_FOUND,
    Category.CONFLICT: Code.CONFLICT,
    Category.FORBIDDEN: Code.BAD_USER_INPUT,
    Category.CURSOR_EXPIRED: Code.CURSOR_EXPIRED,
    Category.UNAVAILABLE: Code.INTERNAL_SERVER_ERROR,
}

# A field that the schema leaves open but whose resolver needs a viewer; and an answer that is beyond a limit of a call.
CODE_OF_PROBLEM: Mapping[str, Code] = {
    "TOKEN_NEEDED": Code.UNAUTHENTICATED,
    "ANSWER_TOO_LARGE": Code.OPERATION_TOO_COMPLEX,
}

INTERNAL_MESSAGE = "Internal server error"
UNAVAILABLE_RETRY_SECONDS = 2


class GatewayError(Exception):
    """The gateway refused the request."""

    code: ClassVar[str] = "GATEWAY_ERROR"
    category: ClassVar[Code] = Code.BAD_USER_INPUT
    status: ClassVar[int] = 400
    hint: ClassVar[str | None] = None

    def __init__(
        self,
        message: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        """Use the docstring's first line as the message unless another is given."""
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        self.headers = dict(headers or {})
        self.extensions = dict(extensions or {})
        super().__init__(self.message)


class RequestRefusedError(GatewayError):
    """The HTTP request can't be accepted."""

    code = "REQUEST_REFUSED"


class MalformedRequestError(RequestRefusedError):
    """The request is not a GraphQL request."""

    code = "REQUEST_MALFORMED"
    hint = 'Send a JSON object such as {"query": "{ viewer { memberId } }", "variables": {}}.'


class NumberInUrlError(RequestRefusedError):
    """A URL must not contain a telephone number, since URLs are logged along the way."""

    code = "NUMBER_IN_URL"
    hint = "Send the same operation by POST."


class TokenInUrlError(RequestRefusedError):
    """A URL must not contain a token, since URLs are logged along the way."""

    code = "TOKEN_IN_URL"
    hint = "Send the token in the Authorization header, and revoke this one."


class CrossSiteRequestError(RequestRefusedError):
    """A page on another site can't call this endpoint."""

    code = "CROSS_SITE_REQUEST"
    status = 403
    hint = "The operator can add the page's origin to JEMBATAN_CORS_ORIGINS."


class MethodNotAllowedError(RequestRefusedError):
    """This endpoint accepts only GET, HEAD and POST."""

    code = "METHOD_NOT_ALLOWED"
    status = 405


class OperationNeedsPostError(RequestRefusedError):
    """Only a query or a subscription can be sent by GET."""

    code = "OPERATION_NEEDS_POST"
    status = 405
    hint = "Send mutations by POST."


class NotAcceptableError(RequestRefusedError):
    """None of the accepted media types is available."""

    code = "NOT_ACCEPTABLE"
    status = 406
    hint = (
        "Accept application/graphql-response+json or application/json; "
        "for a subscription, text/event-stream or multipart/mixed;subscriptionSpec=1.0."
    )


class StreamRequiredError(RequestRefusedError):
    """A subscription needs a streaming transport."""

    code = "STREAM_REQUIRED"
    status = 406
    hint = (
        "Send it with Accept: text/event-stream, with Accept: multipart/mixed;subscriptionSpec=1.0, "
        "or over a WebSocket with the subprotocol graphql-transport-ws."
    )


class RequestTimeoutError(RequestRefusedError):
    """The request took too long to arrive."""

    code = "REQUEST_TIMEOUT"
    status = 408
    hint = (
        "Send the request again, without pauses. The bounds are JEMBATAN_REQUEST_HEAD_SECONDS, "
        "JEMBATAN_REQUEST_BODY_SECONDS and JEMBATAN_REQUEST_BODY_BYTES_PER_SECOND_MIN."
    )


class StreamNeedsHttp11Error(RequestRefusedError):
    """A stream needs HTTP/1.1, since HTTP/1.0 has no chunked coding."""

    code = "STREAM_NEEDS_HTTP_1_1"
    status = 505


class BodyTooLargeError(RequestRefusedError):
    """The request body is too large."""

    code = "BODY_TOO_LARGE"
    status = 413
    hint = (
        "Send less in one request. The bound is JEMBATAN_BODY_BYTES_MAX, and without a token "
        "JEMBATAN_BODY_ANONYMOUS_BYTES_MAX."
    )


class TooManyValuesError(RequestRefusedError):
    """The request has too many values."""

    code = "TOO_MANY_VALUES"
    hint = "Send fewer items in one request. The bound is JEMBATAN_BODY_VALUES_MAX."


class UrlTooLongError(RequestRefusedError):
    """The URL is too long."""

    code = "URL_TOO_LONG"
    status = 414
    hint = "Send the same operation by POST. The bound is JEMBATAN_URL_BYTES_MAX."


class UnsupportedMediaTypeError(RequestRefusedError):
    """The request body must be application/json in UTF-8."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415
    hint = "Set Content-Type: application/json."


class HeadTooLargeError(RequestRefusedError):
    """The request's headers are too large."""

    code = "HEAD_TOO_LARGE"
    status = 431
    hint = "Send fewer or shorter headers. The bound is JEMBATAN_HEADER_BYTES_MAX."


class TooManyConnectionsError(RequestRefusedError):
    """The process has no room for another connection, or none for another from this address."""

    code = "TOO_MANY_CONNECTIONS"
    category = Code.RATE_LIMITED
    status = 503
    hint = (
        "Use the connections that are open, or wait for the number of seconds in Retry-After. The bounds are "
        "JEMBATAN_CONNECTIONS_MAX and JEMBATAN_CONNECTIONS_PER_ADDRESS_MAX."
    )


class TokenInvalidError(RequestRefusedError):
    """The access token is not valid here."""

    code = "TOKEN_INVALID"
    category = Code.UNAUTHENTICATED
    status = 401
    hint = "Get a new token from /oauth/token."


class RateLimitedError(RequestRefusedError):
    """The client sent more operations than its rate limit allows."""

    code = "RATE_LIMITED"
    category = Code.RATE_LIMITED
    status = 429
    hint = (
        "Wait for the number of seconds in Retry-After. The bound is JEMBATAN_RATE_PER_SECOND, and without a token "
        "JEMBATAN_RATE_ANONYMOUS_PER_SECOND."
    )


class LookupsExhaustedError(RequestRefusedError):
    """The client may look up no more numbers today; nothing was looked up."""

    code = "LOOKUPS_EXHAUSTED"
    category = Code.RATE_LIMITED
    status = 429
    hint = (
        "Wait for the number of seconds in retryAfterSeconds, or look up fewer numbers in one operation. The bound is "
        "JEMBATAN_LOOKUPS_PER_CLIENT_DAILY."
    )


class OverloadedError(RequestRefusedError):
    """The process is already running as many operations as it can; nothing was executed."""

    code = "OVERLOADED"
    category = Code.RATE_LIMITED
    status = 503
    hint = "Wait for the number of seconds in Retry-After. The bound is JEMBATAN_IN_FLIGHT_MAX."


class OperationTimeoutError(RequestRefusedError):
    """The operation exceeded its time limit and was stopped."""

    code = "OPERATION_TIMEOUT"
    category = Code.OPERATION_TOO_COMPLEX
    status = 504
    hint = (
        "Ask for less in one call. A mutation is idempotent and can safely be repeated. The bound is "
        "JEMBATAN_OPERATION_TIMEOUT_SECONDS."
    )


class OperationRefusedError(GatewayError):
    """The operation was not executed."""

    code = "OPERATION_REFUSED"
    category = Code.GRAPHQL_VALIDATION_FAILED


class DocumentSyntaxError(OperationRefusedError):
    """The document can't be parsed."""

    code = "DOCUMENT_SYNTAX"
    category = Code.GRAPHQL_PARSE_FAILED


class DocumentInvalidError(OperationRefusedError):
    """The document is not valid against the schema."""

    code = "DOCUMENT_INVALID"


class PersistedQueryNotSupportedError(OperationRefusedError):
    """The request names a document by its hash, and none are kept here."""

    code = "PERSISTED_QUERY_NOT_SUPPORTED"
    category = Code.PERSISTED_QUERY_NOT_SUPPORTED
    hint = "Send the document itself in query."


class PersistedQueryNotFoundError(OperationRefusedError):
    """The request names a document by an id that is not in the operator's manifest."""

    code = "PERSISTED_QUERY_NOT_FOUND"
    category = Code.PERSISTED_QUERY_NOT_FOUND
    hint = "Send the document itself in query."


class DocumentNotTrustedError(OperationRefusedError):
    """Only the documents of the operator's manifest are accepted here, and this is not one of them."""

    code = "DOCUMENT_NOT_TRUSTED"
    category = Code.BAD_USER_INPUT
    hint = "Ask the operator to add the document to the manifest in JEMBATAN_TRUSTED_DOCUMENTS."


class OperationUnknownError(OperationRefusedError):
    """The document doesn't determine which operation to run."""

    code = "OPERATION_UNKNOWN"
    hint = "Name one of the document's operations in operationName."


class VariablesInvalidError(OperationRefusedError):
    """The variables don't match the operation."""

    code = "VARIABLES_INVALID"
    category = Code.BAD_USER_INPUT


class OperationTooComplexError(OperationRefusedError):
    """The operation asks for more than is allowed in one call."""

    code = "OPERATION_TOO_COMPLEX"
    category = Code.OPERATION_TOO_COMPLEX
    hint = "Ask for smaller pages or fewer fields, and call again for the rest."


class IntrospectionRepeatedError(OperationRefusedError):
    """An operation may read the schema only once."""

    code = "INTROSPECTION_REPEATED"
    category = Code.OPERATION_TOO_COMPLEX
    hint = "Select __schema, __type and _service at most once each."


class PageTooLargeError(OperationRefusedError):
    """The requested page is too large."""

    code = "PAGE_TOO_LARGE"
    category = Code.BAD_USER_INPUT
    hint = "Ask for a smaller page and follow pageInfo.endCursor. The bound is JEMBATAN_PAGE_SIZE_MAX."


class SlicingArgumentError(OperationRefusedError):
    """The field needs exactly one of its slicing arguments."""

    code = "SLICING_ARGUMENT_REQUIRED"


class UnauthenticatedError(OperationRefusedError):
    """This requires an access token."""

    code = "TOKEN_REQUIRED"
    category = Code.UNAUTHENTICATED
    status = 401
    hint = "Get a token from /oauth/token and send it as Authorization: Bearer."


class ScopesMissingError(OperationRefusedError):
    """The token lacks a required scope."""

    code = "SCOPES_MISSING"
    category = Code.UNAUTHORIZED_FIELD_OR_TYPE
    status = 403


_UNPROCESSABLE_2026 = (
    MalformedRequestError,
    DocumentInvalidError,
    PersistedQueryNotSupportedError,
    PersistedQueryNotFoundError,
    DocumentNotTrustedError,
    OperationUnknownError,
    VariablesInvalidError,
    OperationTooComplexError,
    IntrospectionRepeatedError,
    PageTooLargeError,
    SlicingArgumentError,
)
UNPROCESSABLE = 422
PARTIAL_SUCCESS = 294


def find_refusal_status(error: GatewayError, *, edition: str, legacy_media_type: bool) -> int:
    """Return the HTTP status of a refusal.

    Source: GraphQL over HTTP. An application/json response to a well-formed request is 200 whatever happened to the
    operation; a refusal of the HTTP request itself keeps its status with both media types.
    """
    if legacy_media_type and isinstance(error, OperationRefusedError):
        return 200
    if edition == "2026-09" and not legacy_media_type and isinstance(error, _UNPROCESSABLE_2026):
        return UNPROCESSABLE
    return error.status
