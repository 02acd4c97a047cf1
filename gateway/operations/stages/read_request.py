"""Reads the request, within the bounds of its body and of its caller's rate. It doesn't look into the document."""

from functools import partial

from gateway.operations.progress import Called, Read, advance
from gateway.operations.services import Services
from gateway.operations.stages.limit_rate import charge_body


async def read_request(called: Called, services: Services) -> Read:
    """Read the request and find its document's text, which it may give by an id.

    Errors: those of reading; those of TrustedDocuments; RateLimitedError; NumberInUrlError.
    """
    settings = services.settings
    bytes_max = settings.body_bytes_max
    if called.principal is None:
        bytes_max = min(bytes_max, settings.body_anonymous_bytes_max)
    request = await called.read(bytes_max, partial(charge_body, called, services=services))
    return advance(called, Read, request=request, text=services.trusted.find_text(request))
