"""Liveness of this process, and whether it should be sent work. Reveals only which part is not ready."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_log = structlog.get_logger("gateway.health")
CHECK_SECONDS_MAX = 2.0

# A check returns when all is well and raises when it isn't.
Check = Callable[[], Awaitable[None]]


async def answer_healthz(_request: Request) -> Response:
    """Return 200 as long as the process answers at all."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Answers /readyz: ready if every check passes and the process is not about to stop."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        """Take the checks by name; they run concurrently, each within CHECK_SECONDS_MAX."""
        self._checks = dict(checks)
        self.is_draining = False

    async def answer(self, _request: Request) -> Response:
        """Return 200 or 503, with the state of each check."""
        names = list(self._checks)
        passed = await asyncio.gather(*(self._run(name) for name in names))
        states = {name: "ok" if good else "failing" for name, good in zip(names, passed, strict=True)}
        ready = all(passed) and not self.is_draining
        status = "draining" if self.is_draining else "ok" if ready else "failing"
        return JSONResponse({"status": status, "checks": states}, status_code=200 if ready else 503)

    async def _run(self, name: str) -> bool:
        try:
            async with asyncio.timeout(CHECK_SECONDS_MAX):
                await self._checks[name]()
        except Exception as error:  # noqa: BLE001 - any failure means the same: not ready
            _log.warning("check failed", check=name, error=type(error).__name__)
            return False
        return True
