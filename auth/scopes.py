"""Scopes: what each allows, which kind of member may ever hold it, and which only an officer may use.

Everything that grants goes through the functions here; nothing else in the program may decide what a
client or an officer gets.

Source: design section 6; RFC 6749 section 3.3 (a scope is a space-separated list without order).
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from auth.errors import MachineScopeError, ScopeForbiddenError, ScopeUnknownError
from ledger.viewer import MemberKind

COMPLAINTS_READ = "complaints:read"
COMPLAINTS_FILE = "complaints:file"
COMPLAINTS_DECIDE = "complaints:decide"
COMPLAINANTS_REVEAL = "complainants:reveal"
ORDERS_READ = "orders:read"
ORDERS_DRAFT = "orders:draft"
ORDERS_APPROVE = "orders:approve"
ORDERS_ACKNOWLEDGE = "orders:acknowledge"
NUMBERS_READ = "numbers:read"
NUMBERS_MANAGE = "numbers:manage"
MEMBERS_READ = "members:read"
MEMBERS_MANAGE = "members:manage"
AUDIT_READ = "audit:read"
FEED_READ = "feed:read"
SIGNALS_READ = "signals:read"
SIGNALS_CONTRIBUTE = "signals:contribute"
SIGNALS_REVOKE = "signals:revoke"
PARTICIPATIONS_MANAGE = "participations:manage"
HOLDS_MANAGE = "holds:manage"

OFFLINE_ACCESS = "offline_access"
"""Asks for a refresh token (OpenID Connect Core section 11). It is no right, and never stands in a token."""
OFFLINE_ACCESS_WORDS = "Keep this access while you are away, until it is ended"

WORDS: Mapping[str, str] = MappingProxyType(
    {
        COMPLAINTS_READ: "Read complaints that are yours to see",
        COMPLAINTS_FILE: "File complaints and add to them",
        COMPLAINTS_DECIDE: "Verify, reject and reopen complaints",
        COMPLAINANTS_REVEAL: "See who complained, each time with a recorded purpose",
        ORDERS_READ: "Read block orders that are yours to see",
        ORDERS_DRAFT: "Draft block orders and forward complaints",
        ORDERS_APPROVE: "Approve, withdraw and lift block orders",
        ORDERS_ACKNOWLEDGE: "Acknowledge the block orders addressed to you",
        NUMBERS_READ: "Look up numbers and their range holders",
        NUMBERS_MANAGE: "Change the numbering plan and protected numbers",
        MEMBERS_READ: "Read members, brands and offices",
        MEMBERS_MANAGE: "Admit and change members, offices and officers",
        AUDIT_READ: "Read the record of who did what",
        FEED_READ: "Follow your entries of the log and prove that they are in it",
        SIGNALS_READ: "Read and follow the fraud signals that are yours to see",
        SIGNALS_CONTRIBUTE: "Contribute fraud signals of your own",
        SIGNALS_REVOKE: "Revoke fraud signals",
        PARTICIPATIONS_MANAGE: "Record the terms on which providers take part",
        HOLDS_MANAGE: "Place and release legal holds",
    }
)

OFFICER_ONLY = frozenset(
    {ORDERS_APPROVE, COMPLAINTS_DECIDE, COMPLAINANTS_REVEAL, SIGNALS_REVOKE, PARTICIPATIONS_MANAGE, HOLDS_MANAGE}
)
"""Never granted to a machine that acts for itself, whatever its client was registered with."""

BY_KIND: Mapping[MemberKind, frozenset[str]] = MappingProxyType(
    {
        MemberKind.REGULATOR: frozenset(WORDS) - {ORDERS_ACKNOWLEDGE, SIGNALS_CONTRIBUTE},
        MemberKind.AGENCY: frozenset(
            {COMPLAINTS_READ, COMPLAINTS_FILE, NUMBERS_READ, MEMBERS_READ, FEED_READ, SIGNALS_CONTRIBUTE}
        ),
        MemberKind.CARRIER: frozenset(
            {ORDERS_READ, ORDERS_ACKNOWLEDGE, NUMBERS_READ, MEMBERS_READ, FEED_READ, SIGNALS_READ, SIGNALS_CONTRIBUTE}
        ),
        MemberKind.OTT_PROVIDER: frozenset({MEMBERS_READ, NUMBERS_READ, FEED_READ, SIGNALS_READ, SIGNALS_CONTRIBUTE}),
    }
)


def parse_scope(text: str) -> frozenset[str]:
    """The scopes named in a request's or a token's `scope`, known or not."""
    return frozenset(text.split(" ")) - {""}


def describe_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes in words, as a consent page names them; a scope that is no longer known has none."""
    words = {**WORDS, OFFLINE_ACCESS: OFFLINE_ACCESS_WORDS}
    return [words[scope] for scope in sorted(set(scopes)) if scope in words]


def render_scope(scopes: Iterable[str]) -> str:
    """The scopes as one text, always in the same order."""
    return " ".join(sorted(set(scopes)))


def check_scopes(scopes: Iterable[str], *, kind: MemberKind, is_machine_only: bool) -> list[str]:
    """The scopes in order, where a client or officer of such a member may hold every one of them.

    Errors: ScopeUnknownError, ScopeForbiddenError, MachineScopeError.
    """
    wanted = sorted(set(scopes))
    for scope in wanted:
        if scope not in WORDS:
            raise ScopeUnknownError(f"There is no scope {scope!r}.", field="scopes")
        if scope not in BY_KIND[kind]:
            raise ScopeForbiddenError(f"A member of kind {kind.value} may not have the scope {scope}.", field="scopes")
        if is_machine_only and scope in OFFICER_ONLY:
            raise MachineScopeError(f"The scope {scope} needs an officer.", field="scopes")
    return wanted


def grant_machine_scopes(
    requested: frozenset[str] | None, *, client_scopes: Iterable[str], kind: MemberKind
) -> frozenset[str] | None:
    """What a client acting for itself gets, or None where it asked for what it can't have.

    Shapes: requested None means all that it may have.
    """
    allowed = (frozenset(client_scopes) & BY_KIND[kind]) - OFFICER_ONLY
    if requested is None:
        return allowed
    return requested if requested <= allowed else None


def grant_officer_scopes(
    requested: frozenset[str] | None,
    *,
    client_scopes: Iterable[str],
    officer_scopes: Iterable[str],
    kind: MemberKind,
) -> frozenset[str]:
    """What an officer gets through a client: never more than each of the two, the kind and the request allow."""
    allowed = frozenset(client_scopes) & frozenset(officer_scopes) & BY_KIND[kind]
    return allowed if requested is None else allowed & requested
