"""Scopes: what each allows, which kinds of member may hold it, and which only an officer may use.

Every grant of scopes goes through the functions here; nothing else may decide what a client or an officer gets.

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
EVIDENCE_READ = "evidence:read"
EVIDENCE_RELEASE = "evidence:release"
ORDERS_READ = "orders:read"
ORDERS_DRAFT = "orders:draft"
ORDERS_APPROVE = "orders:approve"
ORDERS_ACKNOWLEDGE = "orders:acknowledge"
REFERRALS_READ = "referrals:read"
REFERRALS_OFFER = "referrals:offer"
REFERRALS_RESPOND = "referrals:respond"
NUMBERS_READ = "numbers:read"
NUMBERS_MANAGE = "numbers:manage"
MEMBERS_READ = "members:read"
MEMBERS_MANAGE = "members:manage"
AUDIT_READ = "audit:read"
FEED_READ = "feed:read"
FEED_WITNESS = "feed:witness"
SIGNALS_READ = "signals:read"
SIGNALS_CONTRIBUTE = "signals:contribute"
SIGNALS_CONFIRM = "signals:confirm"
SIGNALS_REVOKE = "signals:revoke"
PARTICIPATIONS_MANAGE = "participations:manage"
PARTICIPATIONS_ACCEPT = "participations:accept"
PARTICIPATIONS_LEAVE = "participations:leave"
OFFICERS_MANAGE = "officers:manage"
HOLDS_MANAGE = "holds:manage"

OFFLINE_ACCESS = "offline_access"
"""Asks for a refresh token (OpenID Connect Core section 11). It grants nothing and never appears in a token."""
OFFLINE_ACCESS_WORDS = "Keep this access while you are away, until it is revoked"

WORDS: Mapping[str, str] = MappingProxyType(
    {
        COMPLAINTS_READ: "Read the complaints that you may see",
        COMPLAINTS_FILE: "File complaints and add to them",
        COMPLAINTS_DECIDE: "Verify, reject and reopen complaints",
        COMPLAINANTS_REVEAL: "See who complained, recording the purpose each time",
        EVIDENCE_READ: "Read the redacted extracts of evidence that were released to you",
        EVIDENCE_RELEASE: "Redact evidence and release extracts of it",
        ORDERS_READ: "Read the block orders that you may see",
        ORDERS_DRAFT: "Draft block orders and forward complaints",
        ORDERS_APPROVE: "Approve, withdraw and lift block orders",
        ORDERS_ACKNOWLEDGE: "Acknowledge the block orders addressed to you",
        REFERRALS_READ: "Read the referrals that you may see",
        REFERRALS_OFFER: "Offer referrals to providers that take part, and withdraw them",
        REFERRALS_RESPOND: "Respond to the referrals offered to you",
        NUMBERS_READ: "Look up numbers and their range holders",
        NUMBERS_MANAGE: "Change the numbering plan and protected numbers",
        MEMBERS_READ: "Read members, brands and offices",
        MEMBERS_MANAGE: "Admit and change members, offices and officers",
        AUDIT_READ: "Read the record of who did what",
        FEED_READ: "Follow your entries in the log and prove that they are in it",
        FEED_WITNESS: "Register witnesses of the log and send their cosignatures",
        SIGNALS_READ: "Read and follow the fraud signals that you may see",
        SIGNALS_CONTRIBUTE: "Contribute fraud signals of your own",
        SIGNALS_CONFIRM: "Confirm that you know of revoked fraud signals",
        SIGNALS_REVOKE: "Revoke fraud signals",
        PARTICIPATIONS_MANAGE: "Publish, offer and countersign the terms on which providers take part, or record them",
        PARTICIPATIONS_ACCEPT: "Sign the terms of taking part for your firm",
        PARTICIPATIONS_LEAVE: "Narrow or leave your firm's participation, and confirm what it deleted",
        OFFICERS_MANAGE: "Invite and disable your own member's officers and change what they may do",
        HOLDS_MANAGE: "Place and release legal holds",
    }
)

OFFICER_ONLY = frozenset(
    {
        ORDERS_APPROVE,
        COMPLAINTS_DECIDE,
        COMPLAINANTS_REVEAL,
        EVIDENCE_RELEASE,
        SIGNALS_REVOKE,
        REFERRALS_OFFER,
        NUMBERS_MANAGE,
        PARTICIPATIONS_MANAGE,
        PARTICIPATIONS_ACCEPT,
        OFFICERS_MANAGE,
        HOLDS_MANAGE,
    }
)
"""Never granted to a client that acts for itself, whatever it was registered with."""

SECOND_FACTOR_SCOPES = frozenset(
    {
        ORDERS_APPROVE,
        COMPLAINANTS_REVEAL,
        EVIDENCE_RELEASE,
        NUMBERS_MANAGE,
        MEMBERS_MANAGE,
        PARTICIPATIONS_MANAGE,
        PARTICIPATIONS_ACCEPT,
        OFFICERS_MANAGE,
        HOLDS_MANAGE,
    }
)
"""To approve, lift, reveal, release, sign or manage: an officer needs a second factor unless the settings ask none."""

BY_KIND: Mapping[MemberKind, frozenset[str]] = MappingProxyType(
    {
        MemberKind.REGULATOR: frozenset(WORDS)
        - {
            ORDERS_ACKNOWLEDGE,
            REFERRALS_RESPOND,
            SIGNALS_CONFIRM,
            SIGNALS_CONTRIBUTE,
            PARTICIPATIONS_ACCEPT,
            PARTICIPATIONS_LEAVE,
            OFFICERS_MANAGE,
        },
        MemberKind.AGENCY: frozenset(
            {
                COMPLAINTS_READ,
                COMPLAINTS_FILE,
                NUMBERS_READ,
                MEMBERS_READ,
                FEED_READ,
                FEED_WITNESS,
                SIGNALS_CONTRIBUTE,
                OFFICERS_MANAGE,
            }
        ),
        MemberKind.CARRIER: frozenset(
            {
                ORDERS_READ,
                ORDERS_ACKNOWLEDGE,
                EVIDENCE_READ,
                NUMBERS_READ,
                MEMBERS_READ,
                FEED_READ,
                FEED_WITNESS,
                SIGNALS_READ,
                SIGNALS_CONTRIBUTE,
                OFFICERS_MANAGE,
            }
        ),
        MemberKind.OTT_PROVIDER: frozenset(
            {
                REFERRALS_READ,
                REFERRALS_RESPOND,
                MEMBERS_READ,
                NUMBERS_READ,
                EVIDENCE_READ,
                FEED_READ,
                FEED_WITNESS,
                SIGNALS_READ,
                SIGNALS_CONTRIBUTE,
                SIGNALS_CONFIRM,
                PARTICIPATIONS_ACCEPT,
                PARTICIPATIONS_LEAVE,
                OFFICERS_MANAGE,
            }
        ),
    }
)


def parse_scope(text: str) -> frozenset[str]:
    """Return the scopes in the `scope` of a request or a token, known or not."""
    return frozenset(text.split(" ")) - {""}


def describe_scopes(scopes: Iterable[str]) -> list[str]:
    """Return the scopes in words, as the consent page shows them; a scope that no longer exists is left out."""
    words = {**WORDS, OFFLINE_ACCESS: OFFLINE_ACCESS_WORDS}
    return [words[scope] for scope in sorted(set(scopes)) if scope in words]


def render_scope(scopes: Iterable[str]) -> str:
    """Return the scopes as one string, always in the same order."""
    return " ".join(sorted(set(scopes)))


def check_scopes(scopes: Iterable[str], *, kind: MemberKind, is_machine_only: bool) -> list[str]:
    """Return the scopes in order, if a client or officer of such a member may hold all of them.

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
    """Return the scopes of a client that acts for itself, or None if it asked for one that it can't have.

    Shapes: requested is None for everything that the client may have.
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
    """Return an officer's scopes through a client: what both hold, the kind allows and the request names."""
    allowed = frozenset(client_scopes) & frozenset(officer_scopes) & BY_KIND[kind]
    return allowed if requested is None else allowed & requested
