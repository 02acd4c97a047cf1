"""The token endpoint: a token by one of the registered grants. Synchronous.

Source: RFC 6749 section 3.2; RFC 8707 section 2.2.
"""

from auth.protocol.answers import Answer
from auth.protocol.authorization_server import AuthorizationServer
from auth.protocol.requests import ProtocolRequest
from auth.protocol.resource_indicators import check_resource


def answer_token_request(server: AuthorizationServer, request: ProtocolRequest) -> Answer:
    """Issue a token. Errors: OAuth2Error."""
    check_resource(request.payload.data, server.settings)
    answer: Answer = server.create_token_response(request)
    return answer
