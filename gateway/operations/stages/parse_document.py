"""Reading the request and parsing its document, within bounds on both. It doesn't know the schema."""

from dataclasses import replace

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType, parse
from graphql.utilities import get_operation_ast

from gateway.operations.errors import (
    DocumentSyntaxError,
    OperationNeedsPostError,
    OperationTooComplexError,
    OperationUnknownError,
    StreamRequiredError,
)
from gateway.operations.exchange import Document, Exchange, GraphQLRequest
from gateway.operations.requests import refuse_number_in_document
from gateway.operations.services import Services


async def parse_document(exchange: Exchange, services: Services) -> Exchange:
    """Fill in request, document and operation. A document read before is taken from the cache.

    Errors: what reading refuses; DocumentSyntaxError; OperationTooComplexError for too many tokens;
    OperationUnknownError; OperationNeedsPostError; StreamRequiredError; NumberInUrlError.
    """
    request = await exchange.read()
    document = services.documents.find(request.query) or Document(request.query, _parse(request.query, services))
    if exchange.method == "GET":
        refuse_number_in_document(document.node)
    operation = _find_operation(document, request)
    if operation.operation is OperationType.SUBSCRIPTION and not exchange.transport.is_stream:
        raise StreamRequiredError
    if exchange.method == "GET" and operation.operation is OperationType.MUTATION:
        raise OperationNeedsPostError(headers={"Allow": "POST"})
    return replace(exchange, request=request, document=document, operation=operation)


def _parse(text: str, services: Services) -> DocumentNode:
    tokens_max = services.settings.document_tokens_max
    try:
        return parse(text, max_lexical_tokens=tokens_max, max_comments=tokens_max)
    except GraphQLError as error:
        if error.message.endswith("Parsing aborted."):
            raise OperationTooComplexError(error.message, extensions={"tokensMax": tokens_max}) from None
        locations = [location.formatted for location in error.locations or ()]
        raise DocumentSyntaxError(error.message, extensions={"locations": locations}) from None


def _find_operation(document: Document, request: GraphQLRequest) -> OperationDefinitionNode:
    operation = get_operation_ast(document.node, request.operation_name)
    if operation is not None:
        return operation
    if request.operation_name is not None:
        raise OperationUnknownError("The document has no operation of that name.")
    raise OperationUnknownError("The document has no operation, or several and operationName names none.")
