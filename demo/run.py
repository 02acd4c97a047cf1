"""`jembatan demo`: a fresh embedded database, the real server on a loopback port, the journey, then serving.

It touches only its own folder, whatever database the settings name.
"""

import asyncio
import fcntl
import ipaddress
import shlex
import shutil
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import orjson
import typer

from auth.login.passwords import Passwords
from cli.entry import search_new
from cli.failures import DemoRunningError, DemoStepError, EmbeddedServerError, FileUnwritableError, PortTakenError
from cli.follow.cursor_file import CursorFile
from cli.printing import note
from cli.schemas import migrate_installation
from cli.serving import bind
from cli.session import Installation, check_installation, open_database, open_installation, read_settings
from demo.auditing import audit
from demo.cast import AGENCY, INDOSAT, MESSENGER, PROVIDER, REDIRECT_URI, TELKOMSEL, Cast, admit_cast
from demo.clock import DemoClock
from demo.documents import ORDERS_CALL
from demo.journey import play
from demo.parties import Party
from demo.server import run_server
from demo.story import Story
from demo.telling import PeopleTeller, ScriptTeller, Teller
from gateway.process.logs import configure_logs
from gateway.settings import Settings
from ledger.viewer import OPERATOR

_CAST_FILE = "cast.json"
_KEY_FILE = "indosat-private-key.json"
_SHELL_FILE = "credentials.env"
_CURSOR_FILE = "signals.cursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """The options given on the command line."""

    host: str
    port: int | None
    data_dir: Path | None
    is_kept: bool
    is_ended: bool
    is_json: bool


def run_demo(options: DemoOptions) -> None:
    """Run the demo, and serve until Ctrl-C unless it is to exit.

    Errors: DemoStepError when a step failed; DemoRunningError, PortTakenError, EmbeddedServerError.
    """
    if not _is_loopback(options.host):
        raise typer.BadParameter("The demo serves only on a loopback address.", param_hint="--host")
    data_dir = options.data_dir or read_settings().data_dir / "demo"
    with _own_folder(data_dir), _listen(options) as listener:
        settings = demo_settings(data_dir, options.host, listener.getsockname()[1])
        configure_logs(level="ERROR", form=settings.log_format)
        kept = _find_kept(data_dir) if options.is_kept else None
        if kept is None:
            _clear(data_dir, role_prefix=settings.role_prefix)
        with open_installation(settings) as installation:
            play_demo(options, installation, listener, kept)


def play_demo(options: DemoOptions, installation: Installation, listener: socket.socket, kept: Cast | None) -> None:
    """Play the journey on an installation of its own, unless an earlier one was kept. Errors: DemoStepError."""
    clock = DemoClock()
    if kept is not None:
        clock.catch_up()
    search_new()
    cast = asyncio.run(_prepare(installation, clock, kept))
    cast.save(installation.settings.data_dir / _CAST_FILE)
    with run_server(installation, listener, clock) as thread:
        _play_and_serve(options, installation, cast, clock, thread, is_played=kept is None)


def _play_and_serve(
    options: DemoOptions, installation: Installation, cast: Cast, clock: DemoClock, thread: threading.Thread,
    *, is_played: bool,
) -> None:  # fmt: skip
    settings = installation.settings
    teller: Teller = ScriptTeller() if options.is_json else PeopleTeller()
    failed = asyncio.run(_play(cast, clock, teller, installation)) if is_played else None
    if failed is not None and options.is_ended:
        raise DemoStepError(f"Step {failed}, did not succeed.")
    if options.is_ended:
        return
    clock.catch_up()
    teller.close(_render_facts(settings, cast))
    note("Serving until Ctrl-C." if failed is None else f"Step {failed}, failed. Serving until Ctrl-C.")
    try:
        while thread.is_alive():
            thread.join(timeout=1.0)
    except (KeyboardInterrupt, SystemExit):  # both are how serving is stopped
        note("Stopping.")
    if failed is not None:
        raise DemoStepError(f"Step {failed}, did not succeed.")


async def _prepare(installation: Installation, clock: DemoClock, kept: Cast | None) -> Cast:
    """Migrate, check, and admit the cast unless it was kept."""
    await migrate_installation(installation)
    async with open_database(installation) as database:
        await check_installation(database)
        if kept is not None:
            return kept
        passwords = Passwords(installation.settings)
        async with database.transaction(OPERATOR, as_of=clock.read()) as tx:
            return await admit_cast(tx, passwords)


async def _play(cast: Cast, clock: DemoClock, teller: Teller, installation: Installation) -> str | None:
    base_url = installation.settings.base_url
    async with AsyncExitStack() as stack:
        parties = {}
        for name, credentials in cast.credentials.items():
            parties[name] = Party(credentials, base_url=base_url, now=clock.read)
            stack.push_async_callback(parties[name].close)
        story = Story(cast=cast, clock=clock, parties=parties, audit=partial(audit, installation, clock.read))
        stack.push_async_callback(story.close)
        failed = await play(story, teller)
    if PROVIDER in story.first_cursors:
        # README's subscriber resumes from there, so that it has something to print immediately.
        CursorFile(installation.settings.data_dir / _CURSOR_FILE).write(story.first_cursors[PROVIDER])
    return failed


def demo_settings(data_dir: Path, host: str, port: int) -> Settings:
    """Return the environment's settings, without anything that points outside the demo's own folder and port."""
    settings = read_settings(host=host, port=port)
    own: dict[str, Any] = {"data_dir": data_dir, "public_url": None, "audience": None, "metrics_port": 0}
    # The demo's clock leaps a day, which is no outage; and nobody waits minutes for a lapse.
    own |= {"heartbeat_seconds": 0, "job_seconds": 1.0}
    foreign = ("database_url", "migration_database_url", "database_direct_url", "encryption_keys", "reference_key")
    door: dict[str, Any] = {"introspection_public": True}
    # README's officer logs in with curl, which has no authenticator app; the demo says at its end that it is off.
    door["second_factor"] = "optional"
    policies = {"order_due_hours": 24, "lift_due_hours": 24, "guard_complainants_min": 1, "guard_same_text_count": 3}
    return settings.model_copy(update=own | door | policies | dict.fromkeys(foreign))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(options: DemoOptions) -> socket.socket:
    """Bind the requested port; else that of the settings, or any free one if it is in use. Errors: PortTakenError."""
    if options.port is not None:
        return bind(options.host, options.port, backlog=128)
    settings = read_settings()
    try:
        return bind(options.host, settings.port, backlog=128)
    except PortTakenError:
        note(f"Port {settings.port} is in use; using another one.")
        return bind(options.host, 0, backlog=128)


@contextmanager
def _own_folder(data_dir: Path) -> Iterator[None]:
    """Lock the demo's folder for this process alone. Errors: DemoRunningError, FileUnwritableError."""
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        lock: IO[str] = (data_dir.parent / f".{data_dir.name}.lock").open("w")
    except OSError as error:
        raise FileUnwritableError(f"{data_dir} can't be used: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DemoRunningError(f"Another demo is running in {data_dir}.") from error
        yield


def _find_kept(data_dir: Path) -> Cast | None:
    try:
        return Cast.load(data_dir / _CAST_FILE)
    except (OSError, ValueError, KeyError, TypeError):
        note("There is no earlier demo to keep; running a fresh one.")
        return None


def _clear(data_dir: Path, *, role_prefix: str) -> None:
    """Remove what an earlier demo left, including its server if that demo was killed. Errors: EmbeddedServerError."""
    from ledger.storage.embedded import EmbeddedServer

    cluster = data_dir / "postgresql"
    if (cluster / "postmaster.pid").exists():
        server = EmbeddedServer(data_dir, role_prefix=role_prefix)
        server.start()
        server.stop()
        if (cluster / "postmaster.pid").exists():
            raise EmbeddedServerError(f"Another command is still using {data_dir}.")
    if data_dir.exists() and not (cluster.exists() or (data_dir / _CAST_FILE).exists()) and any(data_dir.iterdir()):
        raise FileUnwritableError(f"{data_dir} contains something other than a demo; it was left unchanged.")
    if data_dir.exists():
        shutil.rmtree(data_dir)


def _write_shell_variables(path: Path, cast: Cast, *, base_url: str, cursor_file: Path) -> None:
    """Write the variables of the README's calls, readable only by the file's owner."""
    wanted = (AGENCY, TELKOMSEL, PROVIDER, MESSENGER, "ana")
    agency, carrier, provider, messenger, officer = (cast.credentials[party] for party in wanted)
    variables = {
        "GATEWAY": base_url,
        "AGENCY": f"{agency.client_id}:{agency.secret}",
        "CARRIER": f"{carrier.client_id}:{carrier.secret}",
        "PROVIDER": f"{provider.client_id}:{provider.secret}",
        "MESSENGER": f"{messenger.client_id}:{messenger.secret}",
        "SIGNALS_CURSOR": str(cursor_file),
        "CONSOLE": officer.client_id,
        "CALLBACK": REDIRECT_URI,
        "OFFICER": officer.login,
        "OFFICER_PASSWORD": officer.password,
    }
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={shlex.quote(str(value))}\n" for name, value in variables.items()))


def _command() -> str:
    """Return the command as it was called, so that the line can be pasted."""
    called = Path(sys.argv[0])
    return shlex.quote(str(called)) if called.name == "jembatan" else "jembatan"


def _render_facts(settings: Settings, cast: Cast) -> Mapping[str, Any]:
    """Return what a person needs to continue: addresses, credentials, a line to paste."""
    key_file = settings.data_dir / _KEY_FILE
    key_file.touch(mode=0o600)
    key_file.write_bytes(orjson.dumps(cast.credentials[INDOSAT].private_key))
    shell_file = settings.data_dir / _SHELL_FILE
    cursor_file = settings.data_dir.absolute() / _CURSOR_FILE
    _write_shell_variables(shell_file, cast, base_url=settings.base_url, cursor_file=cursor_file)
    credentials = {}
    for party, values in cast.credentials.items():
        proof = values.secret or str(key_file)
        if values.login is not None:
            proof = f"{values.login} / {values.password}"
        credentials[party] = {"clientId": values.client_id, "proof": proof}
    base = settings.base_url
    carrier = cast.credentials[TELKOMSEL]
    basic = shlex.quote(f"{carrier.client_id}:{carrier.secret}")
    body = shlex.quote(orjson.dumps({"query": ORDERS_CALL}).decode())
    read_token = shlex.quote('import json, sys; print(json.load(sys.stdin)["access_token"])')
    get_token = f"curl -s -u {basic} -d grant_type=client_credentials {base}/oauth/token | python3 -c {read_token}"
    headers = "-H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json'"
    return {
        "addresses": {
            "graph": f"{base}/graphql",
            "GraphiQL": f"{base}/graphql in a browser",
            "tokens": f"{base}/oauth/token",
            "metadata": f"{base}/.well-known/oauth-authorization-server",
            "health": f"{base}/healthz and {base}/readyz",
            "shell": f". {shlex.quote(str(shell_file.absolute()))}  (the variables of the README's calls)",
            "second factor": "off here; elsewhere, officers who may approve, lift, reveal or manage need one",
            "other commands": f"JEMBATAN_DATA_DIR={shlex.quote(str(settings.data_dir))} {_command()} member list",
        },
        "credentials": credentials,
        "follow": [
            f". {shlex.quote(str(shell_file.absolute()))}",
            f'JEMBATAN_CLIENT="$PROVIDER" {_command()} follow signals --url "$GATEWAY" --cursor-file "$SIGNALS_CURSOR"',
        ],
        "curl": [f"TOKEN=$({get_token})", f"curl -s {base}/graphql {headers} -d {body}"],
    }
