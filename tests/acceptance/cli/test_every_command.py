"""Every command that changes something is an operator's act in the log; a new command must be put into a list here."""

import csv
import io

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from ledger.feed.checkpoints import make_signer
from ledger.feed.cosigning import find_witness_key
from ledger.feed.sequencer import Sequencer
from ledger.operator_acts.vocabulary import Act
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.roles import Role
from tests.support.audited import ORIGIN, read_now
from tests.support.cluster import ROLE_PREFIX
from tests.support.commands import list_commands
from tests.support.operated import COMPLAINTS, FORWARD, OFFERED, approve, render_key_set, verify_all
from tests.support.operator import WHY, Ended, Operator
from tests.support.running import running
from tests.support.waiting import until

CHANGING = {
    ("member", "add"): Act.MEMBER_ADMITTED,
    ("brand", "add"): Act.BRAND_ADDED,
    ("office", "add"): Act.OFFICE_ADDED,
    ("officer", "add"): Act.OFFICER_ADDED,
    ("officer", "invite"): Act.OFFICER_INVITED,
    ("officer", "disable"): Act.OFFICER_DISABLED,
    ("officer", "set-password"): Act.PASSWORD_SET,
    ("officer", "reset-second-factor"): Act.SECOND_FACTOR_RESET,
    ("officer", "forgive"): Act.LOGIN_FORGIVEN,
    ("officer", "link-identity"): Act.IDENTITY_LINKED,
    ("officer", "unlink-identity"): Act.IDENTITY_UNLINKED,
    ("client", "add"): Act.CLIENT_ADDED,
    ("client", "disable"): Act.CLIENT_DISABLED,
    ("client", "rotate-secret"): Act.CLIENT_SECRET_ROTATED,
    ("client", "rotate-keys"): Act.CLIENT_KEYS_ROTATED,
    ("client", "set-policies"): Act.CLIENT_POLICIES_SET,
    ("member", "run"): Act.MEMBER_PLATFORMS_SET,
    ("numbering", "load"): Act.NUMBERING_LOADED,
    ("numbering", "propose"): Act.OVERRIDES_PROPOSED,
    ("participation", "publish"): Act.TERMS_PUBLISHED,
    ("participation", "offer"): Act.TERMS_OFFERED,
    ("participation", "withdraw"): Act.TERMS_WITHDRAWN,
    ("participation", "start"): Act.PARTICIPATION_STARTED,
    ("participation", "end"): Act.PARTICIPATION_ENDED,
    ("signals", "settle"): Act.SIGNALS_SETTLED,
    ("import", "complaints"): Act.COMPLAINTS_IMPORTED,
    ("forward",): Act.COMPLAINTS_FORWARDED,
    ("orders", "export"): Act.ORDERS_EXPORTED,
    ("acknowledgements", "import"): Act.ACKNOWLEDGEMENTS_IMPORTED,
    ("reassignments", "report"): Act.REASSIGNMENTS_REPORTED,
    ("referrals", "offer"): Act.REFERRALS_OFFERED,
    ("referrals", "respond"): Act.REFERRAL_RESPONSES_IMPORTED,
    ("outage", "declare"): Act.OUTAGE_DECLARED,
    ("recount", "--mend"): Act.TALLIES_MENDED,
    ("keys", "rotate"): Act.KEYS_ROTATED,
    ("keys", "rotate-signing"): Act.SIGNING_KEY_ROTATED,
    ("audit", "rotate-key"): Act.CHECKPOINT_KEY_ADDED,
    ("audit", "rotate-key", "--retire-older"): Act.CHECKPOINT_KEYS_RETIRED,
    ("audit", "archive"): Act.ENTRIES_ARCHIVED,
    ("audit", "announce-restore"): Act.RESTORE_ANNOUNCED,
    ("audit", "add-witness"): Act.WITNESS_ADDED,
    ("audit", "retire-witness"): Act.WITNESS_RETIRED,
}
IN_CLEAR = ("--disclosure", "clear")
READING = {
    ("schema",), ("doctor",), ("member", "list"), ("member", "platforms"), ("brand", "list"), ("office", "list"),
    ("officer", "list"), ("officer", "identities"), ("client", "list"), ("participation", "list"),
    ("participation", "terms"), ("participation", "proposals"), ("participation", "content"),
    ("numbering", "proposals"), ("reassignments", "list"), ("access", "verify"), ("audit", "checkpoint"),
    ("audit", "keys"), ("audit", "export"), ("audit", "proof"), ("audit", "verify"), ("audit", "verify-proof"),
    ("orders", "waiting"), ("orders", "content"), ("outage", "list"), ("accounts", "list"), ("accounts", "show"),
    ("signals", "contributions"), ("signals", "revocations"), ("schedule",), ("status",), ("statistics",),
    ("referrals", "list"), ("referrals", "show"),
}  # fmt: skip
OUTSIDE = {
    ("serve",): "what it does was asked for by parties, whom the log names",
    ("demo",): "has a database of its own",
    ("migrate",): "changes the schema as its owner, before there may be a log, and what is told in it not at all",
    ("keys", "generate"): "prints keys that nothing uses yet",
    ("follow",): "runs at a member's, as its client",
    ("sign",): "runs at a signatory's, as its client, and the log names that officer",
    ("audit", "witness"): "runs at a member's, as its client",
    ("evidence", "redact"): "runs at the regulator's, as an officer's client",
    ("evidence", "upload"): "runs at a member's, as its client",
    ("evidence", "download"): "runs at a member's, as its client",
}


class TestEveryCommand:
    def test_is_declared_to_change_something_or_nothing(self) -> None:
        changing = {tuple(word for word in command if not word.startswith("--")) for command in CHANGING}
        declared = [*changing, *READING, *OUTSIDE]
        assert sorted(declared) == sorted(list_commands())
        assert set(CHANGING.values()) == set(Act) - {Act.OTHER}, "an act that no command does"


class Acting:
    """Runs commands and keeps, for each, the acts that it recorded."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        self.recorded: dict[tuple[str, ...], list[tuple[str, str]]] = {}

    def do(self, *command: str, more: tuple[str, ...] = (), stdin: str = "") -> Ended:
        before = {event_id for event_id, _, _ in self.operator.in_ledger(read_acts)}
        ended = self.operator.run(*command, *more, stdin=stdin)
        found = self.operator.in_ledger(read_acts)
        self.recorded[command] = [(act, about) for event_id, act, about in found if event_id not in before]
        return ended


async def read_acts(database: Database) -> list[tuple[int, str, str]]:
    """The acts by the log, each with its event and what it is about; every one has its row."""
    async with database.system(Role.REGULATOR, as_of=read_now()) as tx:
        told = await tx.execute(
            text(
                "SELECT e.id, a.act, e.subject || ':' || e.subject_id AS about FROM events e "
                "LEFT JOIN operator_acts a ON a.id::text = e.payload->>'actId' "
                "AND a.act = e.payload->>'act' AND a.subject = e.subject AND a.subject_id = e.subject_id "
                "WHERE e.kind = 'OPERATOR_ACTED' ORDER BY e.id"
            )
        )
        return [(row.id, row.act, row.about) for row in told]


async def read_ids(database: Database) -> dict[str, str]:
    async with database.system(Role.AUTH, as_of=read_now()) as tx:
        members = await tx.execute(text("SELECT slug AS name, id FROM members"))
        officers = await tx.execute(text("SELECT login AS name, officer_id AS id FROM officer_logins"))
        return {row.name: str(row.id) for row in [*members, *officers]}


def sign_everything(operator: Operator) -> None:
    async def work(database: Database) -> None:
        settings = LedgerSettings(database_url=operator.url, role_prefix=ROLE_PREFIX).model_copy(
            update={"checkpoint_seconds": 0.0}
        )
        sign = make_signer(origin=ORIGIN, keyring=operator.keyring, now=read_now)

        async def is_signed() -> bool:
            async with database.system(Role.ARCHIVE, as_of=read_now()) as tx:
                statement = "SELECT max(tree_size) > 0 FROM feed_checkpoints"
                return bool((await tx.execute(text(statement))).scalar_one())

        async with running(Sequencer(settings, takeover_seconds=0.05, sign=sign)):
            await until(is_signed, "a checkpoint")

    operator.in_ledger(work)


def admit_and_maintain(acting: Acting) -> None:
    do, operator = acting.do, acting.operator
    password = ("--password-file", "-")
    do("member", "add", more=("a-messenger", "--kind", "ott_provider", "--name", "A messenger"))
    do("brand", "add", more=("telkomsel", "halo", "--name", "Halo"))
    do("office", "add", more=("komdigi", "annex", "--name", "Annex"))
    scopes = ("--scope", "numbers:manage")
    add = ("cici", "--office", "annex", "--name", "Cici", *password, *scopes, *WHY)
    do("officer", "add", more=add, stdin="correct horse battery\n")
    do("office", "add", more=("a-messenger", "legal", "--name", "Legal"))
    invited = ("--member", "a-messenger", "--office", "legal", "--name", "Dewi", "--scope", "officers:manage", *WHY)
    do("officer", "invite", more=invited)
    do("officer", "set-password", more=("cici", *password, *WHY), stdin="another long password\n")
    do("officer", "reset-second-factor", more=("cici", *WHY))
    do("officer", "forgive", more=("cici", *WHY))
    identity = ("--issuer", "https://login.example.id", "--subject", "4711", *WHY)
    do("officer", "link-identity", more=("cici", *identity))
    do("officer", "unlink-identity", more=identity)
    keys = operator.write("keys.json", render_key_set())
    signed = do("client", "add", more=("xlsmart", "--name", "X", "--public-keys", keys, *WHY, "--json"))
    do("client", "rotate-keys", more=(signed.json["clientId"], keys, *WHY))
    secret = operator.run("client", "add", *WHY, "xlsmart", "--name", "Y", "--json").json["clientId"]
    do("client", "rotate-secret", more=(secret, *WHY))
    do("client", "set-policies", more=(secret, "--policy", "require_par", *WHY))
    do("client", "disable", more=(secret, *WHY))


def fill_in(orders: str) -> str:
    """Answer every exported order as a carrier would, in its file."""
    rows = list(csv.DictReader(orders.splitlines()))
    filled = io.StringIO()
    writer = csv.DictWriter(filled, rows[0].keys())
    writer.writeheader()
    writer.writerows({**row, "acknowledgement": "RECEIVED", "reference": "T-1"} for row in rows)
    return filled.getvalue()


def work_in_names(acting: Acting) -> None:
    do, operator = acting.do, acting.operator
    plan = "prefix,kind,holder,holder_name,brand,valid_from,valid_until\n+62891,mobile,xlsmart,,,,\n"
    do("numbering", "load", more=(operator.write("more.csv", plan),))
    terms = ("--terms", "PKS-7", "--purpose", "Protect users", "--roles", "Each a controller", *IN_CLEAR, *WHY)
    do("member", "run", more=("a-messenger", "whatsapp", "Bigo Live", *WHY))
    published = operator.write("terms.txt", "The terms.")
    do("participation", "publish", more=(f"en={published}", *WHY))
    offered = do("participation", "offer", more=("a-messenger", *OFFERED, *WHY, "--json")).json["id"]
    do("participation", "withdraw", more=(offered, *WHY))
    do("participation", "start", more=("a-messenger", *terms))
    complaints = operator.write("complaints.csv", COMPLAINTS)
    do("import", "complaints", more=(complaints, "--format", "csv", "--source", "polri"))
    do("signals", "settle")
    overrides = operator.write("overrides.csv", "number,holder,reason\n0890 1111 0001,xlsmart,The carrier says so.\n")
    do("numbering", "propose", more=(overrides, "--officer", "cici"))
    verify_all(operator)
    approve(operator, do(*FORWARD[:1], more=(*FORWARD[1:], "--json")).json["run"])
    orders = do("orders", "export", more=("--carrier", "telkomsel")).out
    answered = operator.write("orders.csv", fill_in(orders))
    do("acknowledgements", "import", more=(answered, "--carrier", "telkomsel"))
    numbers = operator.write("numbers.csv", f"number,reassigned_at\n0890 1111 0002,{operator.now.isoformat()}\n")
    do("reassignments", "report", more=(numbers, "--carrier", "telkomsel"))
    offer = ("--officer", "ana", "--provider", "a-messenger", "--number", "0890 1111 0001", "--summary", "A fee.")
    referral = do("referrals", "offer", more=(*offer, "--json")).json
    said = f"referral_no,response,reference\n{referral['referralNo']},DECLINED,WA-1\n"
    do("referrals", "respond", more=(operator.write("said.csv", said), "--provider", "a-messenger"))
    do("participation", "end", more=("a-messenger", "--reason", "provider_left"))
    do("officer", "disable", more=("cici", *WHY))
    do("outage", "declare", more=("--from", "2026-03-01T10:00+07:00", "--to", "2026-03-01T12:00+07:00", *WHY))
    do("recount", "--mend", more=WHY)
    do("keys", "rotate")
    do("keys", "rotate-signing")


def maintain_log(acting: Acting) -> None:
    do, operator = acting.do, acting.operator
    sign_everything(operator)
    do("audit", "rotate-key")
    do("audit", "rotate-key", "--retire-older")
    witness = find_witness_key("witness.telkomsel.example", Ed25519PrivateKey.generate()).render()
    do("audit", "add-witness", more=("telkomsel", witness))
    do("audit", "retire-witness", more=(witness,))
    do("audit", "archive", more=("--until", "2", "--out", str(operator.folder / "old.jsonl")))
    do("audit", "announce-restore", more=("--reason", "Disk failure"))


@pytest.fixture(scope="class")
def acting(admitted_class: Operator) -> Acting:
    """Has run every changing command once."""
    acting = Acting(admitted_class)
    admit_and_maintain(acting)
    work_in_names(acting)
    maintain_log(acting)
    return acting


class TestChangingCommand:
    @pytest.mark.parametrize("command", CHANGING, ids=" ".join)
    def test_is_an_act_of_the_log(self, acting: Acting, command: tuple[str, ...]) -> None:
        assert [act for act, _ in acting.recorded[command]] == [CHANGING[command].value]

    def test_in_somebodys_name_tells_in_whose(self, acting: Acting) -> None:
        ids = acting.operator.in_ledger(read_ids)
        in_name_of = {
            ("numbering", "propose"): f"OFFICER:{ids['cici']}",
            ("forward",): f"OFFICER:{ids['ana']}",
            ("import", "complaints"): f"MEMBER:{ids['polri']}",
            ("orders", "export"): f"MEMBER:{ids['telkomsel']}",
            ("acknowledgements", "import"): f"MEMBER:{ids['telkomsel']}",
            ("reassignments", "report"): f"MEMBER:{ids['telkomsel']}",
            ("referrals", "offer"): f"OFFICER:{ids['ana']}",
            ("referrals", "respond"): f"MEMBER:{ids['a-messenger']}",
        }
        assert {command: acting.recorded[command][0][1] for command in in_name_of} == in_name_of
