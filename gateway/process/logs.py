"""Structured logs without personal data: numbers are masked, tokens and secrets removed, whoever wrote the line.

The scrubber is the last processor before rendering; lines from other libraries pass through it too. It must never
raise.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

import orjson
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
_ACCESS = "gateway.access"
_access = structlog.get_logger(_ACCESS)
_REMEMBERED_CHARACTERS_MAX = 128
_BARE = frozenset({int, float, bool, type(None)})


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
        [structlog.processors.JSONRenderer(serializer=_render)]
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
    handler = JsonLines(sys.stderr) if as_json else logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # gateway/process/middleware.py writes the access log; uvicorn's own would contain URLs with their parameters.
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


class JsonLines(logging.StreamHandler):  # type: ignore[type-arg, unused-ignore]
    """Writes lines of JSON, also such as no processor needs to see."""

    def write(self, line: str) -> None:
        """Write a line as `emit` writes a record: whole, in turn with other threads, waiting for a slow reader."""
        with self.lock:  # type: ignore[union-attr, unused-ignore]
            try:
                self.stream.write(line + self.terminator)
                self.flush()
            except Exception:  # noqa: BLE001 - as for a record: what can't be logged must not end a request
                self.handleError(logging.LogRecord(_ACCESS, logging.INFO, "", 0, line, None, None))


def log_access(event: str, fields: Mapping[str, Any], *, request_id: str, is_own_id: bool) -> None:
    """Write a line of the access log: there is one for each request, so it goes the shortest way that scrubs it.

    Everything is scrubbed as in any other line. Only an id that was made here can't contain what must go, and a short
    text that recurs, such as a path or a name, is scrubbed once.
    """
    handlers = logging.getLogger().handlers
    sink = handlers[0] if handlers else None
    if not isinstance(sink, JsonLines):
        _access.info(event, **fields, request_id=request_id)
        return
    if not logging.getLogger(_ACCESS).isEnabledFor(logging.INFO):
        return
    line = {name: value if type(value) in _BARE else _scrub_short(value) for name, value in fields.items()}
    line["event"] = event
    line["request_id"] = request_id if is_own_id else scrub_text(request_id)
    line |= {"level": "info", "logger": _ACCESS, "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z")}
    sink.write(_render(line))


def _scrub_short(value: Any) -> Any:
    if type(value) is str and len(value) <= _REMEMBERED_CHARACTERS_MAX:
        return _scrub_remembered(value)
    return _scrub(value, 0)


_scrub_remembered = lru_cache(maxsize=1_024)(scrub_text)


def _render(event: Mapping[str, Any], default: Callable[[Any], Any] | None = None, **_: Any) -> str:
    """Render a line in ASCII, so that no text of a client's moves a terminal's cursor."""
    with suppress(orjson.JSONEncodeError):  # an integer of more than 64 bits, half of a surrogate pair
        line = orjson.dumps(event, default=default)
        if line.isascii():
            return line.decode()
    return json.dumps(event, default=default, separators=(",", ":"))


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
