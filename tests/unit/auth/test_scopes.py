import pytest

from auth.errors import MachineScopeError, ScopeForbiddenError, ScopeUnknownError
from auth.scopes import (
    BY_KIND,
    OFFICER_ONLY,
    WORDS,
    check_scopes,
    grant_machine_scopes,
    grant_officer_scopes,
    parse_scope,
    render_scope,
)
from ledger.viewer import MemberKind

CARRIER, REGULATOR = MemberKind.CARRIER, MemberKind.REGULATOR


class TestScopes:
    def test_every_kind_holds_known_scopes_only(self) -> None:
        assert set(BY_KIND) == set(MemberKind)
        for scopes in BY_KIND.values():
            assert scopes <= set(WORDS)

    def test_the_regulator_never_acknowledges_and_others_never_decide(self) -> None:
        assert set(WORDS) - BY_KIND[REGULATOR] == {
            "orders:acknowledge",
            "signals:confirm",
            "signals:contribute",
            "participations:accept",
            "participations:leave",
            "officers:manage",
            "referrals:respond",
        }
        for kind in set(MemberKind) - {REGULATOR}:
            assert BY_KIND[kind] & OFFICER_ONLY <= {"participations:accept", "officers:manage"}

    def test_read_and_written_as_one_text(self) -> None:
        assert parse_scope(" b a  b ") == {"a", "b"}
        assert parse_scope("") == frozenset()
        assert render_scope(["b", "a", "b"]) == "a b"


class TestCheckScopes:
    def test_answers_each_scope_once_in_order(self) -> None:
        assert check_scopes(["orders:read", "numbers:read", "orders:read"], kind=CARRIER, is_machine_only=True) == [
            "numbers:read",
            "orders:read",
        ]

    def test_refuses_unknown_forbidden_and_officers_scopes(self) -> None:
        for scope, kind, error in (
            ("nothing", CARRIER, ScopeUnknownError),
            ("orders:approve", CARRIER, ScopeForbiddenError),
            ("orders:approve", REGULATOR, MachineScopeError),
        ):
            with pytest.raises(error):
                check_scopes([scope], kind=kind, is_machine_only=True)
        assert check_scopes(["orders:approve"], kind=REGULATOR, is_machine_only=False) == ["orders:approve"]


class TestGrantMachineScopes:
    @pytest.mark.parametrize("kind", list(MemberKind))
    def test_never_grants_beyond_the_kind_nor_what_needs_an_officer(self, kind: MemberKind) -> None:
        granted = grant_machine_scopes(None, client_scopes=WORDS, kind=kind)
        assert granted == BY_KIND[kind] - OFFICER_ONLY
        for scope in set(WORDS) - granted:
            assert grant_machine_scopes(frozenset({scope}), client_scopes=WORDS, kind=kind) is None

    def test_grants_what_was_asked_and_no_more(self) -> None:
        asked = frozenset({"orders:read"})
        assert grant_machine_scopes(asked, client_scopes=["orders:read", "numbers:read"], kind=CARRIER) == asked


class TestGrantOfficerScopes:
    def test_grants_only_what_client_officer_kind_and_request_share(self) -> None:
        def grant(asked: set[str] | None, client: set[str], officer: set[str]) -> frozenset[str]:
            requested = frozenset(asked) if asked is not None else None
            return grant_officer_scopes(requested, client_scopes=client, officer_scopes=officer, kind=REGULATOR)

        assert grant(None, {"orders:read", "audit:read"}, {"orders:read"}) == {"orders:read"}
        assert grant({"audit:read"}, {"orders:read", "audit:read"}, {"orders:read"}) == frozenset()
        assert grant({"orders:read"}, {"orders:read"}, {"orders:read", "audit:read"}) == {"orders:read"}
        assert grant(None, {"orders:acknowledge"}, {"orders:acknowledge"}) == frozenset()
