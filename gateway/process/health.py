"""Liveness of this process, and whether it should be sent work. Reveals only which part is not ready, and its code."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ledger.errors import LedgerError

_log = structlog.get_logger("gateway.health")
CHECK_SECONDS_MAX = 2.0
_TIMEOUT, _OTHER = "TIMEOUT", "INTERNAL"

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
        """Return 200 or 503, with the state of each check, and the code of each problem."""
        found = await asyncio.gather(*map(self._run, self._checks))
        problems = {name: code for name, code in zip(self._checks, found, strict=True) if code is not None}
        is_ready = not problems and not self.is_draining
        status = "draining" if self.is_draining else "ok" if is_ready else "failing"
        states = {name: "failing" if name in problems else "ok" for name in self._checks}
        body = {"status": status, "checks": states, **({"problems": problems} if problems else {})}
        return JSONResponse(body, status_code=200 if is_ready else 503)

    async def _run(self, name: str) -> str | None:
        """Return the code of what keeps the check from passing."""
        try:
            async with asyncio.timeout(CHECK_SECONDS_MAX):
                await self._checks[name]()
        except Exception as error:  # noqa: BLE001 - any failure means the same: not ready
            code = (
                error.code
                if isinstance(error, LedgerError)
                else _TIMEOUT
                if isinstance(error, TimeoutError)
                else _OTHER
            )
            _log.warning("check failed", check=name, problem=code, error=type(error).__name__)
            return code
        return None
