"""A request's way, as one list. Read it from top to bottom; each stage is one file under gateway/operations/stages.

A stage takes the exchange and returns a fuller one, or raises; whatever is raised goes to the last stage, which
makes an answer of everything.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from gateway.operations.exchange import Answer, Exchange, filled
from gateway.operations.services import Services
from gateway.operations.stages.authenticate_caller import authenticate_caller
from gateway.operations.stages.authorize_fields import authorize_fields
from gateway.operations.stages.encode_response import encode_response
from gateway.operations.stages.execute_operation import execute_operation
from gateway.operations.stages.limit_rate import limit_rate
from gateway.operations.stages.parse_document import parse_document
from gateway.operations.stages.validate_document import validate_document

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
# A subscription takes these, and goes on in gateway/streams/hub.py.
BEFORE_EXECUTION = STAGES[:5]


async def run_pipeline(exchange: Exchange, services: Services) -> tuple[Exchange, Answer]:
    """The exchange as far as it came, and its answer. It raises nothing but cancellation."""
    exchange = await run_stages(exchange, services, STAGES[:-1])
    exchange = await STAGES[-1](exchange, services)
    return exchange, filled(exchange.answer)


async def run_stages(exchange: Exchange, services: Services, stages: Sequence[Stage]) -> Exchange:
    """The exchange as far as it came through these stages; one that failed has its failure."""
    try:
        for stage in stages:
            exchange = await stage(exchange, services)
    except Exception as failure:  # noqa: BLE001 - every failure is answered; errors.py tells which and how
        exchange = replace(exchange, failure=failure)
    return exchange
