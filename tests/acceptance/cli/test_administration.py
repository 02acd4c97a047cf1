"""Members, officers, clients, numbering and keys, as an operator looks after them."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import insert, select

from auth.tokens.signing_keys import SigningKeys, load_signing_keys
from auth.tokens.table import token_families
from ledger.identifiers import new_id
from ledger.storage.database import Database
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring
from tests.support.operated import OFFERED, render_key_set
from tests.support.operator import WHY, Ended, Operator, render_keys


async def read_signing_keys(database: Database) -> SigningKeys:
    async with database.system(Role.AUTH, as_of=datetime.now(UTC)) as tx:
        return await load_signing_keys(tx)


async def begin_family(database: Database, *, officer_id: str, client_id: str) -> None:
    async with database.system(Role.AUTH, as_of=datetime.now(UTC)) as tx:
        row = {"id": new_id(), "client_id": client_id, "officer_id": officer_id, "scope": "orders:read"}
        times = {"created_at": tx.as_of, "expires_at": tx.as_of + timedelta(days=1)}
        await tx.execute(insert(token_families).values(row | times))


async def list_refreshing_officers(database: Database) -> list[str]:
    async with database.system(Role.AUTH, as_of=datetime.now(UTC)) as tx:
        found = await tx.execute(select(token_families.c.officer_id).where(token_families.c.revoked_at.is_(None)))
        return list(found.scalars())


class TestMembers:
    def test_are_admitted_and_listed(self, operator: Operator) -> None:
        added = operator.run("member", "add", "telkomsel", "--kind", "carrier", "--name", "PT Telkomsel", "--json").json
        assert (added["slug"], added["kind"], added["legalName"]) == ("telkomsel", "CARRIER", "PT Telkomsel")
        listed = operator.run("member", "list", "--kind", "carrier", "--json").json
        assert [member["id"] for member in listed] == [added["id"]]
        assert operator.run("member", "list", "--kind", "agency", "--json").json == []

    def test_show_as_a_table_whose_cells_are_never_markup(self, operator: Operator) -> None:
        operator.run("member", "add", "polri", "--kind", "agency", "--name", "[bold]Polri[/]")
        assert "[bold]Polri[/]" in operator.run("member", "list").out

    def test_cant_share_a_slug(self, operator: Operator) -> None:
        operator.run("member", "add", "polri", "--kind", "agency", "--name", "Polri")
        again = operator.run("member", "add", "polri", "--kind", "agency", "--name", "Polri", status=1)
        assert (again.code, again.out) == ("SLUG_TAKEN", "")

    def test_of_no_such_name_are_told(self, operator: Operator) -> None:
        assert operator.run("brand", "add", "nobody", "x", "--name", "X", status=1).code == "NAME_UNKNOWN"


class TestOfficers:
    def test_are_added_with_a_login_and_disabled_by_it(self, admitted: Operator) -> None:
        listed = admitted.run("officer", "list", "--json").json
        assert [(officer["name"], officer["logins"]) for officer in listed] == [("Ana", ["ana"]), ("Budi", ["budi"])]
        disabled = admitted.run("officer", "disable", *WHY, "ana", "--json").json
        assert disabled["id"] == listed[0]["id"]
        assert admitted.run("officer", "list", "--json").json[0]["disabledAt"] is not None

    @pytest.mark.parametrize(("login", "password", "code"), [("ana", "long enough password", "LOGIN_TAKEN"),
                                                             ("cici", "short", "PASSWORD_INVALID")])  # fmt: skip
    def test_are_not_half_added(self, admitted: Operator, login: str, password: str, code: str) -> None:
        add = ("officer", "add", *WHY, login, "--office", "desk", "--name", "Cici", "--password-file", "-")
        assert admitted.run(*add, stdin=password, status=1).code == code
        assert len(admitted.run("officer", "list", "--json").json) == 2

    def test_get_another_password(self, admitted: Operator) -> None:
        file = admitted.write("password", "another long password\n")
        admitted.run("officer", "set-password", *WHY, "ana", "--password-file", file)
        assert (
            admitted.run("officer", "set-password", *WHY, "zoe", "--password-file", file, status=1).code
            == "LOGIN_UNKNOWN"
        )

    def test_are_helped_to_log_in(self, admitted: Operator) -> None:
        for command in ("reset-second-factor", "forgive"):
            assert "ana" in admitted.run("officer", command, *WHY, "ana").err
            assert admitted.run("officer", command, *WHY, "zoe", status=1).code == "LOGIN_UNKNOWN"

    @pytest.mark.parametrize("command", ["disable", "set-password", "reset-second-factor"])
    def test_lose_what_could_be_refreshed(self, admitted: Operator, command: str) -> None:
        redirect = ("--redirect-uri", "https://c.example.id/in", "--offline")
        client_id = admitted.run("client", "add", *WHY, "komdigi", "--name", "C", *redirect, "--json").json["clientId"]
        officers = admitted.run("officer", "list", "--json").json
        for officer in officers:
            admitted.in_ledger(partial(begin_family, officer_id=officer["id"], client_id=client_id))
        secret = ("--password-file", "-") if command == "set-password" else ()
        admitted.run("officer", command, *WHY, "ana", *secret, stdin="another long password\n")
        assert admitted.in_ledger(list_refreshing_officers) == [officers[1]["id"]], "the others keep theirs"
        admitted.run("client", "disable", *WHY, client_id)
        assert admitted.in_ledger(list_refreshing_officers) == []

    def test_are_linked_to_who_their_provider_says_they_are(self, admitted: Operator) -> None:
        identity = ("--issuer", "https://login.example.id", "--subject", "4711")
        linked = admitted.run("officer", "link-identity", *WHY, "ana", *identity, "--json")
        assert "JEMBATAN_OPENID_ISSUER" in linked.err, "a provider that the settings don't name is told"
        listed = admitted.run("officer", "identities", "--json").json
        assert [(link["subject"], link["officerId"]) for link in listed] == [("4711", linked.json["officerId"])]
        assert admitted.run("officer", "link-identity", *WHY, "budi", *identity, status=1).code == "IDENTITY_TAKEN"
        admitted.run("officer", "unlink-identity", *WHY, *identity)
        assert admitted.run("officer", "identities", "--json").json == []
        assert admitted.run("officer", "unlink-identity", *WHY, *identity, status=1).code == "IDENTITY_UNKNOWN"


class TestClients:
    def test_show_their_secret_once(self, admitted: Operator) -> None:
        added = admitted.run("client", "add", *WHY, "telkomsel", "--name", "Blocking", "--json").json
        assert added["clientSecret"]
        assert added["scopes"] == [
            "evidence:read", "feed:read", "feed:witness", "members:read", "numbers:read", "orders:acknowledge",
            "orders:read", "signals:contribute", "signals:read",
        ]  # fmt: skip
        listed = admitted.run("client", "list", "telkomsel", "--json")
        assert [client["clientId"] for client in listed.json] == [added["clientId"]]
        assert added["clientSecret"] not in listed.out
        renewed = admitted.run("client", "rotate-secret", *WHY, added["clientId"], "--json").json
        assert renewed["clientSecret"] != added["clientSecret"]

    def test_with_keys_have_no_secret(self, admitted: Operator) -> None:
        key = ECKey.generate_key("P-256", {"use": "sig"}, private=True, auto_kid=True)
        public = admitted.write("jwks.json", json.dumps({"keys": [key.as_dict(private=False)]}))
        added = admitted.run("client", "add", *WHY, "xlsmart", "--name", "X", "--public-keys", public, "--json").json
        assert (added["authMethod"], added["clientSecret"]) == ("private_key_jwt", None)
        private = admitted.write("private.json", json.dumps({"keys": [key.as_dict(private=True)]}))
        refused = admitted.run("client", "add", *WHY, "xlsmart", "--name", "X", "--public-keys", private, status=1)
        assert refused.code == "CLIENT_KEYS_INVALID"

    def test_of_officers_are_sent_back_to_their_address(self, admitted: Operator) -> None:
        callback = "https://console.example.id/callback"
        added = admitted.run("client", "add", *WHY, "komdigi", "--name", "C", "--redirect-uri", callback, "--json").json
        assert added["grantTypes"] == ["authorization_code"]
        assert "orders:approve" in added["scopes"]

    def test_never_get_a_scope_that_their_kind_may_not_have(self, admitted: Operator) -> None:
        add = ("client", "add", *WHY, "polri", "--name", "P", "--scope", "orders:read")
        assert admitted.run(*add, status=1).code == "SCOPE_FORBIDDEN"

    def test_are_disabled(self, admitted: Operator) -> None:
        client_id = admitted.run("client", "add", *WHY, "polri", "--name", "P", "--json").json["clientId"]
        admitted.run("client", "disable", *WHY, client_id)
        assert admitted.run("client", "list", "polri", "--json").json[0]["disabledAt"] is not None
        assert admitted.run("client", "disable", *WHY, "nothing", status=1).code == "CLIENT_UNKNOWN"

    def test_keep_the_secret_before_during_an_overlap(self, admitted: Operator) -> None:
        client_id = admitted.run("client", "add", *WHY, "telkomsel", "--name", "B", "--json").json["clientId"]
        rotate = ("client", "rotate-secret", *WHY, client_id, "--json")
        ends_at = datetime.fromisoformat(admitted.run(*rotate, "--overlap", "24h").json["previousEndsAt"])
        assert timedelta(hours=23) < ends_at - admitted.now <= timedelta(hours=24)
        assert admitted.run(*rotate).json["previousEndsAt"] is None
        admitted.run(*rotate, "--overlap", "soon", status=2)

    def test_get_other_keys(self, admitted: Operator) -> None:
        first, second = (admitted.write(f"{name}.json", render_key_set()) for name in ("first", "second"))
        added = admitted.run("client", "add", *WHY, "xlsmart", "--name", "X", "--public-keys", first, "--json").json
        rotated = admitted.run(
            "client", "rotate-keys", *WHY, added["clientId"], second, "--overlap", "7d", "--json"
        ).json
        assert rotated["clientId"] == added["clientId"]
        with_secret = admitted.run("client", "add", *WHY, "xlsmart", "--name", "Y", "--json").json["clientId"]
        assert admitted.run("client", "rotate-keys", *WHY, with_secret, second, status=1).code == "CLIENT_UNKNOWN"

    def test_are_asked_for_more_by_policies(self, admitted: Operator) -> None:
        add = ("client", "add", *WHY, "telkomsel", "--name", "B", "--policy", "require_dpop", "--json")
        added = admitted.run(*add).json
        assert added["policies"] == ["require_dpop"]
        assert admitted.run("client", "set-policies", *WHY, added["clientId"], "--json").json["policies"] == []
        wanted = ("client", "set-policies", *WHY, added["clientId"], "--policy")
        admitted.run(*wanted, "require_par")
        assert admitted.run("client", "list", "telkomsel", "--json").json[0]["policies"] == ["require_par"]
        assert admitted.run(*wanted, "fapi_2", status=1).code == "CLIENT_INVALID"
        admitted.run(*wanted, "strict", status=2)

    def test_of_officers_may_refresh_and_lead_on_after_a_log_out(self, admitted: Operator) -> None:
        add = ("client", "add", *WHY, "komdigi", "--name", "C", "--offline", "--json")
        redirects = ("--redirect-uri", "https://c.example.id/in", "--post-logout-redirect-uri", "https://c.example.id/")
        assert admitted.run(*add, *redirects).json["grantTypes"] == ["authorization_code", "refresh_token"]
        assert admitted.run(*add, status=1).code == "CLIENT_INVALID", "a machine refreshes nothing"


class TestOfficersOfMembers:
    def test_are_invited_by_a_link_and_decide_nothing_for_the_regulator(self, admitted: Operator) -> None:
        admitted.run("office", "add", "telkomsel", "noc", "--name", "NOC")
        invite = ("officer", "invite", *WHY, "--member", "telkomsel", "--office", "noc", "--name", "Eko", "--scope")
        made = admitted.run(*invite, "officers:manage", "--json").json
        assert "/oauth/invitation?token=" in made["link"]
        assert admitted.run(*invite, "orders:approve", status=1).code == "SCOPE_INVALID"
        regulators = ("officer", "invite", *WHY, "--member", "komdigi", "--office", "desk", "--name", "Eve", "--scope")
        assert admitted.run(*regulators, "orders:read", status=1).code == "INVITATION_REFUSED"
        forward = ("forward", "--officer", made["id"], "--legal-basis", "PM 5", "--subscriber-notice", "Blocked.")
        assert "not of the regulator" in admitted.run(*forward, status=1).err


class TestTerms:
    def test_are_published_by_version_and_listed(self, admitted: Operator) -> None:
        first, second = (admitted.write(f"{name}.txt", name) for name in ("Ketentuan", "Terms"))
        publish = ("participation", "publish", *WHY, "--json")
        assert admitted.run(*publish, f"id={first}", f"en={second}").json["version"] == 1
        assert admitted.run(*publish, f"id={second}").json["version"] == 2
        listed = admitted.run("participation", "terms", "--json").json
        assert [item["version"] for item in listed] == [2, 1]
        assert admitted.run("participation", "proposals", "--json").json == []
        assert admitted.run(*publish, f"nowhere={second}x", status=2).err
        assert admitted.run(*publish, f"id={first}", f"id={first}", status=1).code == "TERMS_TEXTS_INVALID"

    def test_are_offered_read_and_taken_back_and_signed_by_nobody_here(self, admitted: Operator) -> None:
        admitted.run("member", "add", "a-messenger", "--kind", "ott_provider", "--name", "A messenger")
        offer = ("participation", "offer", "a-messenger", *OFFERED, *WHY)
        assert admitted.run(*offer, status=1).code == "TERMS_UNPUBLISHED"
        admitted.run("participation", "publish", *WHY, f"id={admitted.write('terms.txt', 'Ketentuan.')}")
        offered = admitted.run(*offer, "--category", "fraud", "--json").json
        assert (offered["state"], offered["categories"], offered["disclosure"]) == ("OFFERED", ["FRAUD"], "HASHED")
        assert offered["permittedUses"] == ["REVIEW_ACCOUNTS", "WARN_USERS"]
        assert admitted.run(*offer, status=1).code == "PARTICIPATION_PROPOSAL_OPEN"
        text = admitted.run("participation", "content", offered["id"]).out
        assert hashlib.sha256(text.encode()).hexdigest() == offered["contentHash"]
        ended = admitted.run("participation", "withdraw", offered["id"], *WHY, "--json").json
        assert ended["state"] == "WITHDRAWN"
        assert admitted.run("participation", "withdraw", offered["id"], *WHY, status=1).code == "INCOMPATIBLE_STATE"
        for unknown in ("nothing", new_id()):
            assert admitted.run("participation", "content", unknown, status=1).code == "NOT_FOUND"

    @pytest.mark.parametrize(
        ("changed", "status", "code"),
        [
            (("--transfer-basis", "consent"), 1, "TERMS_MISSING"),
            (("--retention-days", "0"), 1, "RETENTION_INVALID"),
            (("--use", "sell_them"), 2, ""),
            (("--ends-at", "2020-01-01"), 1, "PARTICIPATION_TERM_INVALID"),
        ],
    )
    def test_that_say_too_little_or_something_else_are_not_offered(
        self, admitted: Operator, changed: tuple[str, ...], status: int, code: str
    ) -> None:
        admitted.run("member", "add", "a-messenger", "--kind", "ott_provider", "--name", "A messenger")
        offer = ("participation", "offer", "a-messenger", *OFFERED, *WHY)
        assert admitted.run(*offer, *changed, status=status).code == code
        assert admitted.run("participation", "proposals", "--json").json == []


class TestParticipations:
    def start(self, admitted: Operator, ends_at: str, status: int = 0) -> Ended:
        terms = ("--terms", "PKS-7", "--purpose", "Protect users", "--roles", "Each a controller", *WHY, "--json")
        return admitted.run("participation", "start", "a-messenger", *terms, "--ends-at", ends_at, status=status)

    def test_end_at_a_time_that_can_mean_one_instant_alone(self, admitted: Operator) -> None:
        admitted.run("member", "add", "a-messenger", "--kind", "ott_provider", "--name", "A messenger")
        for unsure in ("2099-12-31T19:30", "1/2/2099 19:30Z", "31/12/99", "31 Desember 2099"):
            self.start(admitted, unsure, status=2)
        started = self.start(admitted, "31 Desember 2099 19.30 WIB").json
        assert datetime.fromisoformat(started["endsAt"]) == datetime(2099, 12, 31, 12, 30, tzinfo=UTC)


class TestNumberingLoad:
    def test_takes_the_public_plan_once(self, operator: Operator) -> None:
        first = operator.run("numbering", "load", "--seed", "--json").json
        assert first["writtenCount"] == first["readCount"] > 100
        assert operator.run("numbering", "load", "--seed", "--json").json["writtenCount"] == 0

    def test_reads_times_in_the_zone_given_and_counts_blank_rows(self, operator: Operator) -> None:
        header = "prefix;kind;holder;holder_name;brand;valid_from;valid_until"
        plan = operator.write("plan.csv", f"{header}\n+62890;mobile;;T;;1 Januari 2026 19.30;\n;;;;;;\n")
        ended = operator.run("numbering", "load", plan, status=1)
        assert "Line 2, valid_from" in ended.err
        assert "--timezone" in ended.err
        told = operator.run("numbering", "load", plan, "--timezone", "Asia/Jakarta", "--json").json
        assert (told["readCount"], told["blankRowsPassedOver"]) == (1, 1)

    def test_needs_a_file_or_the_seed(self, operator: Operator) -> None:
        operator.run("numbering", "load", status=2)

    def test_names_the_line_that_is_wrong(self, operator: Operator) -> None:
        plan = operator.write("bad.csv", "prefix,kind\n")
        assert operator.run("numbering", "load", plan, status=1).code == "NUMBERING_PLAN_INVALID"


class TestSigningKey:
    def test_is_replaced_and_stays_published(self, operator: Operator) -> None:
        before = operator.in_ledger(read_signing_keys)
        rotated = operator.run("keys", "rotate-signing", "--json").json
        after = operator.in_ledger(read_signing_keys)
        assert (after.current.kid, rotated["withdrawn"]) == (rotated["keyId"], 0)
        assert set(after.public) == {before.current.kid, after.current.kid}

    def test_that_leaked_is_withdrawn(self, operator: Operator) -> None:
        operator.in_ledger(read_signing_keys)
        rotated = operator.run("keys", "rotate-signing", "--withdraw-retired", "--json").json
        assert rotated["withdrawn"] == 1
        assert set(operator.in_ledger(read_signing_keys).public) == {rotated["keyId"]}


class TestStart:
    def test_refuses_a_wrong_encryption_key(self, admitted: Operator) -> None:
        for name, value in render_keys(Keyring.from_text(*Keyring.generate_text())).items():
            admitted.monkeypatch.setenv(name, value)
        assert admitted.run("member", "list", status=1).code == "ENCRYPTION_KEY_WRONG"

    def test_rotates_to_a_new_key(self, admitted: Operator) -> None:
        complaints = "reference,number,medium,category,narrative\nA-1,089011110001,SMS,FRAUD,He lied.\n"
        file = admitted.write("one.csv", complaints)
        admitted.run("import", "complaints", file, "--format", "csv", "--source", "polri")
        signing_key = admitted.in_ledger(read_signing_keys).current.kid
        new, _ = Keyring.generate_text()
        old = admitted.environment["JEMBATAN_ENCRYPTION_KEYS"]
        admitted.monkeypatch.setenv("JEMBATAN_ENCRYPTION_KEYS", f"{new},{old}")
        rotated = admitted.run("keys", "rotate", "--json").json["sealedAnew"]
        assert rotated["complaints.chronology_sealed"] == 1
        assert rotated["signing_keys.private_key"] == 1
        assert admitted.run("keys", "rotate", "--json").json["sealedAnew"]["complaints.chronology_sealed"] == 0
        admitted.monkeypatch.setenv("JEMBATAN_ENCRYPTION_KEYS", new)
        admitted.run("member", "list")
        admitted.keyring = Keyring.from_text(new, admitted.environment["JEMBATAN_REFERENCE_KEY"])
        assert admitted.in_ledger(read_signing_keys).current.kid == signing_key

    def test_uses_what_an_embedded_server_was_given(self, operator: Operator, tmp_path: Path) -> None:
        operator.monkeypatch.delenv("JEMBATAN_DATABASE_URL")
        operator.monkeypatch.delenv("JEMBATAN_REFERENCE_KEY")
        operator.monkeypatch.setenv("JEMBATAN_DATA_DIR", str(tmp_path / "data"))
        assert operator.run("member", "list", status=2).code == "KEYS_MISSING"


class TestSecondApprover:
    WARNING = "Warning: No second approver is active"

    def test_that_is_missing_is_told_by_the_list_and_when_one_is_disabled(
        self, admitted: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.WARNING in admitted.run("officer", "list").err, "nobody has the second factor yet"
        monkeypatch.setenv("JEMBATAN_SECOND_FACTOR", "optional")
        assert self.WARNING not in admitted.run("officer", "list").err
        assert self.WARNING in admitted.run("officer", "disable", *WHY, "ana").err
        assert self.WARNING in admitted.run("officer", "list", "--json").err
