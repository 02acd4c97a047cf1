"""A request's way, as one list. Read it from top to bottom; each stage is one file under gateway/stages.

A stage takes the exchange and returns a fuller one, or raises; whatever is raised goes to the last stage, which
makes an answer of everything.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway.exchange import Answer, Exchange, filled
from gateway.services import Services
from gateway.stages.authenticate_caller import authenticate_caller
from gateway.stages.authorize_fields import authorize_fields
from gateway.stages.encode_response import encode_response
from gateway.stages.execute_operation import execute_operation
from gateway.stages.limit_rate import limit_rate
from gateway.stages.parse_document import parse_document
from gateway.stages.validate_document import validate_document

Stage = Callable[[Exchange, Services], Awaitable[Exchange]]

STAGES: tuple[Stage, ...] = (
    authenticate_caller,
    limit_rate,
    parse_document,
    validate_document,
    authorize_fields,
    execute_operation,
    encode_response,
)


async def run_pipeline(exchange: Exchange, services: Services) -> tuple[Exchange, Answer]:
    """The exchange as far as it came, and its answer. It raises nothing but cancellation."""
    *before, encode = STAGES
    try:
        for stage in before:
            exchange = await stage(exchange, services)
    except Exception as failure:  # noqa: BLE001 - every failure is answered; errors.py tells which and how
        exchange = replace(exchange, failure=failure)
    exchange = await encode(exchange, services)
    return exchange, filled(exchange.answer)
