"""docs/errors.md, rendered from the error classes themselves.

`python -m gateway.operations.errors_reference` rewrites it; a test fails when it is stale or when two errors share
a code.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auth.errors import AuthError
from auth.tokens.verification import Refusal
from gateway.operations.errors import CODE_OF_CATEGORY, CODE_OF_PROBLEM, Code, GatewayError
from ledger.errors import LedgerError

_PACKAGES = ("ledger", "auth", "schema", "resolvers", "gateway", "cli", "demo", "migrations")
_ROOTS: tuple[type[Exception], ...] = (GatewayError, LedgerError, AuthError)

_INTRODUCTION = """# Errors

A refusal has a stable code, a message made only from what you sent, and where it helps a `field` and a `hint`.

* **A GraphQL error** carries `extensions.code`, one of the twelve classes below, and `extensions.problem`, the exact
  code of the second table; also `requestId`, which finds the matching lines of the log. `Internal server error` is all
  that a client reads of anything unforeseen.
* **An item of a bulk mutation** that was refused has a `problem { code message field hint }` in its own place, with
  the same exact codes. The other items were taken.
* **An OAuth endpoint** answers `{"error", "error_description"}` as RFC 6749 has it. A bearer that is refused gets 401
  and `WWW-Authenticate: Bearer error="invalid_token"`; the log says which of the last table it was.
* **A command** prints `error: CODE: message`, mostly a `hint:` below, on stderr and exits with 1, or with 2 where it
  can't be asked so.

This page is rendered by `python -m gateway.operations.errors_reference`. A code that is retired is never used again.

## Classes: `extensions.code`

| class | means |
|---|---|
"""

_CLASSES = {
    Code.UNAUTHENTICATED: "No valid access token came with the request.",
    Code.UNAUTHORIZED_FIELD_OR_TYPE: "The token lacks a scope and the field is null; `missingScopes` would allow it.",
    Code.BAD_USER_INPUT: "The input can't be taken, or the act is not the caller's to do whatever its scopes.",
    Code.NOT_FOUND: "There is no such thing, or it is not the caller's to see: the two look the same.",
    Code.CONFLICT: "The thing is not in the state that this needs.",
    Code.CURSOR_EXPIRED: "The feed can't be resumed from the cursor; `oldestCursor` says from where it can.",
    Code.GRAPHQL_PARSE_FAILED: "The document can't be parsed.",
    Code.GRAPHQL_VALIDATION_FAILED: "The document doesn't fit the schema.",
    Code.OPERATION_TOO_COMPLEX: "The operation asks for more than one call may; `cost` and `limit` say how much.",
    Code.RATE_LIMITED: "Too many operations; `Retry-After` says when to come back.",
    Code.MEMBER_UNAVAILABLE: "A member's own system did not answer (with federation; not raised yet).",
    Code.INTERNAL_SERVER_ERROR: "Something of ours failed, or the database is away (503): try again.",
}


def list_error_classes() -> list[type[Any]]:
    """Every error class with a code of its own, in the order of codes."""
    for package in _PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.endswith(("__main__", "migrations.env")) and ".versions" not in module.name:
                importlib.import_module(module.name)
    found = {kind for root in _ROOTS for kind in _descend(root) if "code" in vars(kind) and kind not in _ROOTS}
    return sorted(found, key=lambda kind: str(kind.code))


def _descend(kind: type[Any]) -> Iterator[type[Any]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _descend(child)


def _class_of(kind: type[Any]) -> str:
    if issubclass(kind, GatewayError):
        return str(kind.category)
    code = CODE_OF_PROBLEM.get(kind.code) or CODE_OF_CATEGORY.get(kind.category)
    return str(code) if code is not None else str(kind.category)


def render_errors() -> str:
    """The text of docs/errors.md."""
    lines = [f"| `{code}` | {_CLASSES[code]} |" for code in Code]
    lines += ["", "## Exact codes: `extensions.problem`, `problem.code`", "", "| code | class | means | what to do |"]
    lines.append("|---|---|---|---|")
    for kind in list_error_classes():
        message = (inspect.getdoc(kind) or "").splitlines()[0]
        hint = kind.hint if isinstance(kind.hint, str) else ""
        lines.append(f"| `{kind.code}` | `{_class_of(kind)}` | {_cell(message)} | {_cell(hint)} |")
    lines += ["", "## Why a bearer token was refused (in the log)", "", "| code | means |", "|---|---|"]
    lines += [f"| `{refusal.value}` | {_REFUSALS[refusal]} |" for refusal in Refusal]
    return _INTRODUCTION + "\n".join(lines) + "\n"


_REFUSALS = {
    Refusal.MALFORMED: "It is no access token of ours.",
    Refusal.SIGNATURE: "Its signature, algorithm or key is not ours.",
    Refusal.TYPE: "It is a signed thing of another type.",
    Refusal.ISSUER: "Another issuer made it.",
    Refusal.AUDIENCE: "It is for another audience.",
    Refusal.EXPIRED: "Its time is over.",
    Refusal.NOT_YET_VALID: "Its time has not begun: check the clocks.",
    Refusal.REVOKED: "It was revoked, its client, member or officer disabled, or a code or refresh token reused.",
    Refusal.PROOF_MISSING: "It is bound to a key and came as a bearer token: send `Authorization: DPoP` and a proof.",
    Refusal.PROOF_INVALID: "Its DPoP proof is missing, used before, or for another key, token or request.",
    Refusal.PROOF_NONCE: "Its DPoP proof must hold the nonce of the answer's `DPoP-Nonce` header.",
}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Write docs/errors.md."""
    (Path(__file__).parents[2] / "docs" / "errors.md").write_text(render_errors())


if __name__ == "__main__":
    main()
