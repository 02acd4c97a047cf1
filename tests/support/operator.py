"""The command over a migrated database of its own, as an operator runs it."""

import asyncio
import base64
import io
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cli.main import main
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from tests.support.cluster import ROLE_PREFIX
from tests.support.logging_state import restored_logs

T = TypeVar("T")
WHY = ("--reason", "asked for in person")


@dataclass
class Ended:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def code(self) -> str:
        errors = [line for line in self.err.splitlines() if line.startswith("error: ")]
        return errors[0].split(": ")[1] if errors else ""


@dataclass
class Operator:
    """Runs commands, and reads the ledger beside them."""

    url: str
    keyring: Keyring
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str, stdin: str = "", status: int = 0) -> Ended:
        self.monkeypatch.setattr(sys, "argv", ["jembatan", *arguments])
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        out, err = io.StringIO(), io.StringIO()
        with restored_logs(), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
        answer = Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())
        assert answer.status == status, answer.err + answer.out
        assert "Traceback" not in answer.err
        return answer

    def in_ledger(self, work: Callable[[Database], Awaitable[T]]) -> T:
        async def connected() -> T:
            database = Database.connect(LedgerSettings(database_url=self.url, role_prefix=ROLE_PREFIX), self.keyring)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(connected())

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)


def render_keys(keyring: Keyring) -> dict[str, str]:
    keys = {key_id: base64.b64encode(key).decode() for key_id, key in keyring.keys.items()}
    return {
        "JEMBATAN_ENCRYPTION_KEYS": ",".join(f"{key_id}:{key}" for key_id, key in keys.items()),
        "JEMBATAN_REFERENCE_KEY": base64.b64encode(keyring.reference_key).decode(),
    }


@contextmanager
def operate(url: str, keyring: Keyring, folder: Path) -> Iterator[Operator]:
    """An operator whose environment points at the database, and at nothing else."""
    environment = {
        "JEMBATAN_DATABASE_URL": url,
        "JEMBATAN_ROLE_PREFIX": ROLE_PREFIX,
        # Hashes as slow as in service would take most of the tests' time.
        "JEMBATAN_PASSWORD_HASH_ROUNDS": "1",
        "JEMBATAN_PASSWORD_HASH_MEMORY_KIB": "64",
    } | render_keys(keyring)
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in [name for name in os.environ if name.startswith("JEMBATAN_")]:
            monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield Operator(url, keyring, monkeypatch, folder, environment)


def admit(operator: Operator) -> None:
    for slug, kind in (("komdigi", "regulator"), ("telkomsel", "carrier"), ("xlsmart", "carrier"), ("polri", "agency")):
        operator.run("member", "add", slug, "--kind", kind, "--name", f"The {slug}")
    operator.run("brand", "add", "xlsmart", "axis", "--name", "Axis")
    operator.run("office", "add", "komdigi", "desk", "--name", "Desk")
    for login in ("ana", "budi"):
        add = ("officer", "add", *WHY, login, "--office", "desk", "--name", login.title(), "--password-file", "-")
        operator.run(*add, stdin="correct horse battery\n")
    plan = (
        "prefix,kind,holder,holder_name,brand,valid_from,valid_until\n"
        "+62890,mobile,telkomsel,,,,\n+62892,mobile,xlsmart,,,,\n+628921,mobile,xlsmart,,axis,,\n"
    )
    operator.run("numbering", "load", operator.write("plan.csv", plan))
