"""Logs as they were: what a test configures of them would otherwise be what the worker's later tests find."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def restored_logs() -> Iterator[None]:
    """Give the root logger, uvicorn's access log and structlog back as they were."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    handlers, level, is_disabled = root.handlers[:], root.level, access.disabled
    configured = structlog.get_config() if structlog.is_configured() else None
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        access.disabled = is_disabled
        structlog.reset_defaults()
        if configured is not None:
            structlog.configure(**configured)
