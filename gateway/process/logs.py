"""Structured logs without personal data: numbers are masked, tokens and secrets removed, whoever wrote the line.

The scrubber is the last processor before rendering; lines from other libraries pass through it too. It must never
raise.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_TIMESTAMP = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
# What is kept comes first: where it matches, the number pattern is never tried.
_NUMBER = re.compile(
    rf"(?P<keep>\b{_UUID}\b|\b{_TIMESTAMP}(?!\d))"
    r"|(?P<number>(?:[+\uff0b]|\b00)\s?[(]?\d(?:[ ()./-]{0,2}\d){6,14}|(?<!\d)\d(?:[ -]?\d){8,14}(?!\d))"
)
_TOKEN = re.compile(
    r"\beyJ[\w-]{5,}\.[\w-]+\.?[\w-]*"
    r"|(?i:\b(bearer|basic)\s+[\w.~+/=-]{6,})"
    r"|(?i:\b(access_token|refresh_token|client_secret|client_assertion|code_verifier|password|code)=[^&\s\"']+)"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
)
_SECRET_KEY = re.compile(r"(?i)authorization|token$|secret|password|assertion|cookie|api_?key|verifier")
REMOVED = "[removed]"
_DEPTH_MAX = 8


def scrub_text(text: str) -> str:
    """Return a text with tokens removed and telephone numbers masked, except their first and last two digits."""
    return _NUMBER.sub(_mask, _TOKEN.sub(REMOVED, text))


def scrub_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Scrub every value of an event, however deeply nested; a structlog processor."""
    event.pop("color_message", None)  # uvicorn's message once more, with a terminal's colours
    for key in list(event):
        event[key] = REMOVED if _SECRET_KEY.search(key) and event[key] else _scrub(event[key], 0)
    return event


def configure_logs(*, level: str, form: Literal["auto", "json", "console"]) -> None:
    """Send structlog's lines and the standard library's through one set of processors to stderr."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
    ]
    render: list[Any] = (
        [structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, scrub_event, *render],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # gateway/process/middleware.py writes the access log; uvicorn's own would contain URLs with their parameters.
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def _scrub(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return scrub_text(value)
    if depth >= _DEPTH_MAX:
        return REMOVED
    if isinstance(value, Mapping):
        return {
            scrub_text(str(key)): REMOVED if _SECRET_KEY.search(str(key)) and inner else _scrub(inner, depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_scrub(inner, depth + 1) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return scrub_text(str(value))


def _mask(match: re.Match[str]) -> str:
    if match.group("keep"):
        return match.group()
    digits = [character for character in match.group() if character.isdigit()]
    return f"{''.join(digits[:2])}***{''.join(digits[-2:])}"
