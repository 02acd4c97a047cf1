"""Renders docs/errors.md from the error classes themselves.

`python -m gateway.operations.errors_reference` rewrites it; a test fails when it is stale or when two errors share a
code.
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

A refusal has a stable code, a message built only from what you sent and, where it helps, a `field` and a `hint`.

* **A GraphQL error** carries `extensions.code`, one of the twelve classes below, `extensions.problem`, the exact code
  from the second table, and `requestId`, which identifies the matching lines of the log. For anything unforeseen the
  client reads only `Internal server error`.
* **A refused item of a bulk mutation** has a `problem { code message field hint }` in its own place, with the same
  exact codes. The other items were accepted.
* **An OAuth endpoint** answers `{"error", "error_description"}` as defined by RFC 6749. A refused bearer token gets 401
  and `WWW-Authenticate: Bearer error="invalid_token"`; the log gives the reason, one of those in the last table.
* **A command** prints `error: CODE: message` to stderr, usually followed by a `hint:`, and exits with 1, or with 2 if
  it was called the wrong way.

This page is rendered by `python -m gateway.operations.errors_reference`. A retired code is never reused.

## Classes: `extensions.code`

| class | means |
|---|---|
"""

_CLASSES = {
    Code.UNAUTHENTICATED: "The request came without a valid access token.",
    Code.UNAUTHORIZED_FIELD_OR_TYPE: "The token lacks a scope and the field is null; see `missingScopes`.",
    Code.BAD_USER_INPUT: "The input can't be accepted, or the caller may not do this, whatever its scopes.",
    Code.NOT_FOUND: "It doesn't exist, or the caller may not see it: the two look the same.",
    Code.CONFLICT: "It is not in the state that this requires.",
    Code.CURSOR_EXPIRED: "The feed can't be resumed from the cursor; `oldestCursor` is where it can.",
    Code.GRAPHQL_PARSE_FAILED: "The document can't be parsed.",
    Code.GRAPHQL_VALIDATION_FAILED: "The document is not valid against the schema.",
    Code.OPERATION_TOO_COMPLEX: "The operation asks for more than is allowed in one call; see `cost` and `costMax`.",
    Code.RATE_LIMITED: "Too many operations; `Retry-After` says how long to wait.",
    Code.MEMBER_UNAVAILABLE: "A member's own system did not respond (reserved for federation; not raised yet).",
    Code.INTERNAL_SERVER_ERROR: "An internal fault, or the database is unavailable (503): try again.",
}


def list_error_classes() -> list[type[Any]]:
    """List every error class with its own code, ordered by code."""
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
    """Return the text of docs/errors.md."""
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
    Refusal.MALFORMED: "It is not an access token of ours.",
    Refusal.SIGNATURE: "Its signature, algorithm or key is not ours.",
    Refusal.TYPE: "It is a signed token of another type.",
    Refusal.ISSUER: "Another issuer issued it.",
    Refusal.AUDIENCE: "It is for another audience.",
    Refusal.EXPIRED: "It has expired.",
    Refusal.NOT_YET_VALID: "It is not valid yet: check the clocks.",
    Refusal.REVOKED: "It was revoked, its client, member or officer disabled, or a code or refresh token reused.",
    Refusal.PROOF_MISSING: "It is bound to a key but came as a bearer token: send `Authorization: DPoP` and a proof.",
    Refusal.PROOF_INVALID: "Its DPoP proof is missing, was used before, or is for another key, token or request.",
    Refusal.PROOF_NONCE: "Its DPoP proof must contain the nonce from the response's `DPoP-Nonce` header.",
}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Write docs/errors.md."""
    (Path(__file__).parents[2] / "docs" / "errors.md").write_text(render_errors())


if __name__ == "__main__":
    main()
