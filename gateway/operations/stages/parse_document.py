"""Parses the document, within limits, and finds the operation to run. It doesn't use the schema."""

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType, TokenKind, parse
from graphql.utilities import get_operation_ast

from gateway.operations.errors import (
    DocumentInvalidError,
    DocumentSyntaxError,
    OperationNeedsPostError,
    OperationTooComplexError,
    OperationUnknownError,
    StreamRequiredError,
)
from gateway.operations.progress import Document, GraphQLRequest, Parsed, Read, advance
from gateway.operations.requests import refuse_number_in_document
from gateway.operations.services import Services
from gateway.operations.stages.limit_rate import charge_document

NUMBER_DIGITS_MAX = 100
"""The longest Int of a document; none of ours is longer than 19 digits."""


def parse_document(read: Read, services: Services) -> Parsed:
    """Return the document and the operation that the request names. A known document comes from the cache.

    Shapes: only the variables that the operation declares are kept; no later step sees others.
    Errors: DocumentSyntaxError; DocumentInvalidError for a long Int; OperationTooComplexError for too many characters
    or tokens; OperationUnknownError; OperationNeedsPostError; StreamRequiredError; NumberInUrlError;
    DocumentNotTrustedError.
    """
    request, text = read.request, read.text
    document = services.documents.find(text)
    if document is None:
        charge_document(read, text, services)
        document = Document(text, _parse(text, services))
    if read.method != "POST":
        refuse_number_in_document(document.node)
    operation = _find_operation(document, request)
    services.trusted.check(document, operation)
    if operation.operation is OperationType.SUBSCRIPTION and not read.transport.is_stream:
        raise StreamRequiredError
    if read.method != "POST" and operation.operation is OperationType.MUTATION:
        raise OperationNeedsPostError(headers={"Allow": "POST"})
    declared = frozenset(definition.variable.name.value for definition in operation.variable_definitions or ())
    kept = request.with_variables(declared)
    return advance(read, Parsed, request=kept, document=document, operation=operation)


def _parse(text: str, services: Services) -> DocumentNode:
    characters_max, tokens_max = services.settings.document_characters_max, services.settings.document_tokens_max
    bounds = {"charactersMax": characters_max, "tokensMax": tokens_max}
    if len(text) > characters_max:
        # graphql-core has the same bound, and to report it looks through the whole text for its lines.
        message = f"The document has more than {characters_max} characters (JEMBATAN_DOCUMENT_CHARACTERS_MAX)."
        raise OperationTooComplexError(message, extensions=bounds)
    try:
        document = _unlink(parse(text, max_lexical_tokens=tokens_max, max_comments=tokens_max))
    except GraphQLError as error:
        if error.message.endswith("Parsing aborted."):
            message = f"The document has more than {tokens_max} tokens or comments (JEMBATAN_DOCUMENT_TOKENS_MAX)."
            raise OperationTooComplexError(message, extensions=bounds) from None
        locations = [location.formatted for location in error.locations or ()]
        raise DocumentSyntaxError(error.message, extensions={"locations": locations}) from None
    _check_numbers(document)
    return document


def _check_numbers(document: DocumentNode) -> None:
    """Refuse a literal that Python can't read as a number, wherever it stands: not every later step validates first."""
    token = document.loc and document.loc.start_token
    while token:
        if token.kind is TokenKind.INT and len(token.value or "") > NUMBER_DIGITS_MAX:
            raise DocumentInvalidError(
                f"An Int has more than {NUMBER_DIGITS_MAX} digits.",
                extensions={"locations": [{"line": token.line, "column": token.column}]},
            )
        token = token.next


def _unlink(document: DocumentNode) -> DocumentNode:
    """Let each token refer to the next one only, so that a document that the cache drops is freed; docs/adr/0083."""
    token = document.loc and document.loc.start_token
    while token:
        token.prev, token = None, token.next
    return document


def _find_operation(document: Document, request: GraphQLRequest) -> OperationDefinitionNode:
    operation = get_operation_ast(document.node, request.operation_name)
    if operation is not None:
        return operation
    if request.operation_name is not None:
        raise OperationUnknownError("The document has no operation with that name.")
    raise OperationUnknownError("The document has no operation, or has several and operationName is missing.")
