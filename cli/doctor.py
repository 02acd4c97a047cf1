"""`jembatan doctor`: looks at everything that a running installation rests on, and changes nothing.

It needs no running server. Each check is one line; the exit status is 1 if one failed.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import typer

from cli.printing import JsonFlag
from cli.stopping import run_until_stopped

if TYPE_CHECKING:
    from cli.diagnosis.findings import Finding
    from cli.session import Installation
    from gateway.settings import Settings


def doctor(*, as_json: JsonFlag = False) -> None:
    """Check settings, database, pooler, keys, clock, disk, TLS and issuer, and say what to do.

    Nothing is changed, and no server has to run. Exit status 1: something failed.
    """
    from cli.diagnosis.findings import State
    from cli.diagnosis.settings import check_settings
    from cli.failures import FAILED

    settings, findings = check_settings()
    if settings is not None:
        findings += _examine(settings)
    _print(findings, as_json=as_json)
    if any(finding.state is State.FAILED for finding in findings):
        raise typer.Exit(FAILED)


def _examine(settings: "Settings") -> "list[Finding]":
    from cli.diagnosis.data_dir import check_data_dir
    from cli.diagnosis.findings import fail, warn
    from cli.failures import CommandError
    from cli.session import open_installation
    from ledger.errors import LedgerError

    findings: list[Finding] = []
    if settings.database_url is None:
        if not (settings.data_dir / "postgresql").exists():
            said = f"There is no installation in {settings.data_dir} yet, and JEMBATAN_DATABASE_URL is not set."
            findings.append(warn("database", said, "`jembatan migrate` makes an embedded one."))
            return [*findings, *run_until_stopped(_gather(_check_issuer(settings)))]
        findings += check_data_dir(settings.data_dir)
    try:
        with open_installation(settings) as installation:
            return [*findings, *run_until_stopped(_gather(_check_installation(installation)))]
    except (CommandError, LedgerError) as error:
        findings.append(fail("database", f"{error.code}: {error.message}", error.hint or "See docs/cli.md."))
        return [*findings, *run_until_stopped(_gather(_check_issuer(settings)))]


async def _check_installation(installation: "Installation") -> "AsyncIterator[Finding]":
    from cli.diagnosis.database import check_database, find_signing_keys
    from cli.diagnosis.findings import State
    from cli.diagnosis.issuer import check_issuer
    from ledger.storage.database import Database

    database = Database.connect(installation.settings, installation.keyring)
    try:
        keys = None
        async for finding in check_database(database, installation.settings):
            yield finding
            if finding.check == "signing" and finding.state is State.OK:
                keys = await find_signing_keys(database, installation.settings)
        async for finding in check_issuer(installation.settings, keys):
            yield finding
    finally:
        await database.close()


async def _check_issuer(settings: "Settings") -> "AsyncIterator[Finding]":
    from cli.diagnosis.issuer import check_issuer

    async for finding in check_issuer(settings, None):
        yield finding


async def _gather(findings: "AsyncIterator[Finding]") -> "list[Finding]":
    return [finding async for finding in findings]


def _print(findings: "list[Finding]", *, as_json: bool) -> None:
    from rich.text import Text

    from cli.printing import print_json, results

    if as_json:
        print_json(findings)
        return
    colours = {"ok": "green", "warning": "yellow", "failed": "bold red"}
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        line = Text.assemble(
            (f"{finding.state:<8}", colours[finding.state]), (f"{finding.check:<{width}}  ", "bold"), finding.message
        )
        if finding.advice is not None:
            line.append(f" {finding.advice}")
        results().print(line, soft_wrap=True)
