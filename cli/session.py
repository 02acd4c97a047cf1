"""Startup: settings, the database (embedded or external), its keys, and a checked connection.

Only this module starts the embedded server, in the parent command and never in a worker; other commands on the same
data folder share it while it runs, and the last to end stops it. The schema and the keys are checked before any work,
so that nothing is written with the wrong ones.
"""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from cli.failures import EmbeddedServerError, KeysMissingError
from cli.key_file import read_or_make_keys
from cli.printing import note
from cli.stopping import run_until_stopped
from gateway.settings import Settings, list_unknown_variables, load_settings, variable_name
from ledger.errors import DatabaseUnavailableError
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role, login_name
from ledger.storage.sealing import Keyring
from ledger.viewer import OPERATOR, Viewer

if TYPE_CHECKING:
    from ledger.storage.embedded import EmbeddedServer, EmbeddedUrls

T = TypeVar("T")
_RETRY_SECONDS = 0.5
_CAUSE_CHARACTERS_MAX = 200
_STOPPING = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where this installation's data is and what opens it. Only workers need the keys as text.

    use_descriptor is the open file by which the embedded server, if there is one, knows that it is used: a worker
    inherits it.
    """

    settings: Settings
    keyring: Keyring
    use_descriptor: int | None = None

    @property
    def login(self) -> str:
        """The application's PostgreSQL login."""
        user = urlsplit(self.settings.application_url).username
        return unquote(user) if user else login_name(self.settings.role_prefix)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that make a worker process part of this installation."""
        needed = self.settings.model_dump(include={"database_url", "encryption_keys", "reference_key"})
        return {variable_name(name): value for name, value in needed.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One command's connection: a pool that is open while the command runs."""

    installation: Installation
    database: Database

    @property
    def settings(self) -> Settings:
        """The settings of the installation."""
        return self.installation.settings

    def reading(self, viewer: Viewer = OPERATOR) -> AbstractAsyncContextManager[Transaction]:
        """Return a read-only transaction on one snapshot as of now, as the viewer sees it."""
        return self.database.reading(viewer, as_of=read_clock())

    def writing(self) -> AbstractAsyncContextManager[Transaction]:
        """Return a transaction as of now, as the operator."""
        return self.database.transaction(OPERATOR, as_of=read_clock())

    def system(self, role: Role) -> AbstractAsyncContextManager[Transaction]:
        """Return a transaction as of now, as the system itself."""
        return self.database.system(role, as_of=read_clock())


def read_clock() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def read_settings(**overrides: object) -> Settings:
    """Read the settings from the environment, noting each unknown variable. Errors: SettingsError."""
    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    for name in list_unknown_variables():
        note(f"{name} is not a setting of Jembatan; is it misspelt?")
    return settings


@contextmanager
def open_installation(settings: Settings) -> Iterator[Installation]:
    """Open the database that the settings name, or run the embedded server while the block runs.

    Errors: KeysMissingError, EncryptionKeyError, EmbeddedServerError. Call it outside any event loop.
    """
    if settings.database_url is not None:
        if settings.encryption_keys is None or settings.reference_key is None:
            raise KeysMissingError
        yield Installation(
            settings=settings, keyring=Keyring.from_text(settings.encryption_keys, settings.reference_key)
        )
        return
    keys = _keys_of_embedded(settings)
    with _running_embedded_server(settings.data_dir, role_prefix=settings.role_prefix) as (server, urls):
        found = {
            "database_url": urls.application,
            "migration_database_url": urls.owner,
            "encryption_keys": keys[0],
            "reference_key": keys[1],
        }
        yield Installation(
            settings=settings.model_copy(update=found),
            keyring=Keyring.from_text(*keys),
            use_descriptor=server.use_descriptor,
        )


@contextmanager
def _running_embedded_server(data_dir: Path, *, role_prefix: str) -> "Iterator[tuple[EmbeddedServer, EmbeddedUrls]]":
    """Run the embedded server of a folder, or share it. Errors: EmbeddedServerError."""
    from ledger.storage.embedded import EmbeddedServer

    if not (data_dir / "postgresql").exists():
        note(f"Creating an embedded PostgreSQL in {data_dir}; the first start takes a few seconds.")
    server = EmbeddedServer(data_dir, role_prefix=role_prefix)
    try:
        with _signals_deferred():
            urls = _start(server, data_dir)
        yield server, urls
    finally:
        with _signals_deferred():
            server.stop()


def _start(server: "EmbeddedServer", data_dir: Path) -> "EmbeddedUrls":
    try:
        return server.start()
    except Exception as error:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL in {data_dir} did not start ({str(error) or type(error).__name__}).",
            hint=f"See {data_dir / 'postgresql' / 'log'}, and check that the folder is writable.",
        ) from error


@contextmanager
def _signals_deferred() -> Iterator[None]:
    """Take Ctrl-C and SIGTERM after the block, so that neither leaves the server half made or running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {each: signal.signal(each, lambda number, _frame: arrived.append(number)) for each in _STOPPING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in arrived[:1]:
            signal.raise_signal(number)


def run_session(
    work: Callable[[Session], Awaitable[T]], *, settings: Settings | None = None, is_schema_checked: bool = True
) -> T:
    """Run the work with a checked connection, and close everything afterwards.

    Errors: as open_installation; DatabaseUnavailableError, DatabaseRefusedError, PoolerUndeclaredError,
    SchemaOutdatedError, EncryptionKeyError; what the work raises.
    """
    with open_installation(settings or read_settings()) as installation:
        return run_until_stopped(_work(installation, work, is_schema_checked=is_schema_checked))


async def _work(installation: Installation, work: Callable[[Session], Awaitable[T]], *, is_schema_checked: bool) -> T:
    async with open_database(installation) as database:
        if is_schema_checked:
            await check_installation(database)
        return await work(Session(installation=installation, database=database))


@asynccontextmanager
async def open_database(installation: Installation) -> AsyncIterator[Database]:
    """Yield a pool on the installation's database once it responds; close it after the block."""
    database = Database.connect(installation.settings, installation.keyring)
    try:
        await wait_while_away(database.ping, seconds_max=installation.settings.database_wait_seconds)
        yield database
    finally:
        await database.close()


async def check_installation(database: Database) -> None:
    """Check, once the database responds, that it may be used; nothing may be read or written otherwise.

    Errors: SchemaOutdatedError, RightsDifferError, EncryptionKeyError; as wait_while_away.
    """
    from ledger.storage.rekeying import check_keyring
    from migrations.state import check_rights, check_schema

    async def check() -> None:
        await check_schema(database, as_of=read_clock())
        await check_rights(database, as_of=read_clock())
        await check_keyring(database, as_of=read_clock())

    await wait_while_away(check, seconds_max=database.settings.database_wait_seconds)


def _keys_of_embedded(settings: Settings) -> tuple[str, str]:
    """Return the keys from the settings if set, else from the file beside the data. Errors: KeysMissingError."""
    if (settings.encryption_keys is None) != (settings.reference_key is None):
        raise KeysMissingError("Only one of JEMBATAN_ENCRYPTION_KEYS and JEMBATAN_REFERENCE_KEY is set.")
    if settings.encryption_keys is not None and settings.reference_key is not None:
        return settings.encryption_keys, settings.reference_key
    return read_or_make_keys(settings.data_dir)


async def wait_while_away(work: Callable[[], Awaitable[T]], *, seconds_max: float) -> T:
    """Run the work, and again while the database is away, which is said on stderr. The work may run several times.

    Errors: DatabaseUnavailableError if the database is still away after seconds_max; what the work raises.
    """
    deadline = time.monotonic() + seconds_max
    was_told = False
    while True:
        try:
            return await work()
        except (DatabaseUnavailableError, OSError) as error:
            away = error if isinstance(error, DatabaseUnavailableError) else DatabaseUnavailableError()
            cause = _name_cause(error)
            if time.monotonic() >= deadline:
                raise type(away)(
                    hint="See that it runs and has room, or correct JEMBATAN_DATABASE_URL. "
                    f"The last attempt ended with {cause}."
                ) from error
            if not was_told:
                note(f"{away.code}: {away.message} ({cause}) Waiting for it for up to {seconds_max:g} s.")
                was_told = True
        await asyncio.sleep(_RETRY_SECONDS)


def _name_cause(error: BaseException) -> str:
    """Return what went wrong first, such as a file that can't be read or a certificate that isn't trusted."""
    while error.__cause__ is not None:
        error = error.__cause__
    words = " ".join(str(error).split())[:_CAUSE_CHARACTERS_MAX]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
