"""The database: whether it is reached, through what, as whom, in which state, and whether our keys open it."""

from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime

from auth.errors import AuthError
from auth.settings import AuthSettings
from auth.tokens.signing_keys import SigningKeys, read_signing_keys
from cli.diagnosis.findings import Finding, fail, find_well, warn
from ledger.errors import LedgerError
from ledger.settings import DatabaseSettings
from ledger.storage.database import Database
from ledger.storage.pooler import Between, find_between
from ledger.storage.rekeying import is_keyring_known
from ledger.storage.roles import Role
from ledger.storage.standing import VERSION_MIN, Standing, read_standing
from migrations.state import check_rights, check_schema

_FEED_CONNECTIONS = 2
_CLOCK_SECONDS_GOOD, _CLOCK_SECONDS_MAX = 1.0, 10.0


def read_clock() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


async def check_database(database: Database, settings: AuthSettings) -> AsyncIterator[Finding]:
    """Yield what was found, in the order of its checks; only the first if the database can't be used at all."""
    try:
        between = await find_between(database.settings.application_url, database.settings)
        began = read_clock()
        standing = await read_standing(database)
        ended = read_clock()
    except LedgerError as error:
        yield tell_failure("database", error)
        return
    yield judge_server(standing)
    yield await _check_pooler(between, database.settings)
    yield judge_connections(standing, database.settings)
    yield judge_login(standing)
    yield judge_clock(standing.clock, began=began, ended=ended)
    for check, run, said in (
        ("schema", check_schema, "It is the one that this version requires."),
        ("rights", check_rights, "The roles' rights are those that this version sets."),
    ):
        found = await _try(check, run(database, as_of=read_clock()), said)
        yield found
        if found.advice is not None:
            return
    yield await _check_keyring(database)
    yield await _check_signing_keys(database, settings)


def tell_failure(check: str, error: LedgerError | AuthError) -> Finding:
    """Return the finding of a check that ended with an error of ours."""
    return fail(check, f"{error.code}: {error.message}", error.hint or "See docs/errors.md.")


def judge_server(standing: Standing) -> Finding:
    """Judge version, encoding, and whether it takes changes."""
    if standing.major < VERSION_MIN:
        return fail("database", f"PostgreSQL {standing.version} is too old.", f"Use {VERSION_MIN} or newer.")
    if standing.is_standby or standing.is_read_only:
        what = "a standby" if standing.is_standby else "read-only"
        return fail("database", f"PostgreSQL {standing.version} is {what}: nothing can be written.", "Use the primary.")
    if standing.encoding != "UTF8":
        return fail("database", f"Its encoding is {standing.encoding}.", "Create the database with ENCODING 'UTF8'.")
    return find_well("database", f"PostgreSQL {standing.version} responds.")


async def _check_pooler(between: Between, settings: DatabaseSettings) -> Finding:
    if not settings.is_pooled:
        if between is Between.TRANSACTIONS:
            return fail(
                "pooler",
                "JEMBATAN_DATABASE_URL leads through a pooler that gives each transaction another connection.",
                "Set JEMBATAN_DATABASE_DIRECT_URL to the database's own address.",
            )
        stands = "None stands" if between is Between.NOTHING else "One in session mode stands"
        return find_well("pooler", f"{stands} between; that needs no setting.")
    try:
        direct = await find_between(settings.direct_url, settings)
    except LedgerError as error:
        hint = "Correct JEMBATAN_DATABASE_DIRECT_URL: the feed's sequencer and followers use it."
        return fail("pooler", f"The direct address can't be used: {error.code}: {error.message}", hint)
    if direct is Between.TRANSACTIONS:
        return fail(
            "pooler",
            "JEMBATAN_DATABASE_DIRECT_URL leads through a pooler that gives each transaction another connection, too.",
            "Set it to the address of PostgreSQL itself, or of a pool in session mode.",
        )
    if between is Between.NOTHING:
        said = "JEMBATAN_DATABASE_DIRECT_URL is set, but no pooler stands at JEMBATAN_DATABASE_URL."
        return warn("pooler", said, "Unset it: every statement is now parsed anew each time.")
    return find_well("pooler", "One stands between; the feed goes around it.")


def judge_connections(standing: Standing, settings: DatabaseSettings) -> Finding:
    """Judge whether the server has room for one more process of ours."""
    pooled = settings.database_pool_size + settings.database_pool_overflow
    wanted = _FEED_CONNECTIONS + (0 if settings.is_pooled else pooled)
    free = standing.connections_max - standing.connections_used
    said = f"One process opens up to {wanted}; {free} of {standing.connections_max} are free."
    if free < wanted:
        return warn("connections", said, "Raise max_connections, lower JEMBATAN_DATABASE_POOL_SIZE, or use a pooler.")
    return find_well("connections", said)


def judge_login(standing: Standing) -> Finding:
    """Judge whether row-level security holds the application's login."""
    excess = list(standing.list_excess())
    if excess:
        advice = "Use the login that `jembatan migrate --print-roles` makes, and the owner's for migrations only."
        return fail("login", f"{standing.login} {' and '.join(excess)}: row-level security doesn't hold it.", advice)
    return find_well("login", f"{standing.login} by itself may read no table.")


def judge_clock(theirs: datetime, *, began: datetime, ended: datetime) -> Finding:
    """Judge the database's clock by ours, as it was between two readings of ours."""
    off = max((theirs - ended).total_seconds(), (began - theirs).total_seconds(), 0.0)
    if off > _CLOCK_SECONDS_MAX:
        return fail("clock", f"Ours and the database's differ by {off:.1f} s.", "Let both follow NTP.")
    if off > _CLOCK_SECONDS_GOOD:
        return warn("clock", f"Ours and the database's differ by {off:.1f} s.", "Let both follow NTP.")
    return find_well("clock", "Ours and the database's agree.")


async def _try(check: str, checking: Awaitable[None], said: str) -> Finding:
    try:
        await checking
    except LedgerError as error:
        return tell_failure(check, error)
    return find_well(check, said)


async def _check_keyring(database: Database) -> Finding:
    try:
        is_known = await is_keyring_known(database, as_of=read_clock())
    except LedgerError as error:
        return tell_failure("keys", error)
    if not is_known:
        said = "Nothing was encrypted under the first encryption key yet; the next start of any command takes it up."
        return warn("keys", said, "If this database has data, check JEMBATAN_ENCRYPTION_KEYS first.")
    return find_well("keys", "The encryption keys and the reference key are those of this database.")


async def _check_signing_keys(database: Database, settings: AuthSettings) -> Finding:
    try:
        keys = await find_signing_keys(database, settings)
    except LedgerError as error:
        return tell_failure("signing", error)
    if keys is None:
        return warn("signing", "There is no key to sign tokens with yet.", "The first token request makes one.")
    return find_well("signing", f"Tokens are signed with {keys.current.kid}; {len(keys.public)} are published.")


async def find_signing_keys(database: Database, settings: AuthSettings) -> SigningKeys | None:
    """Return the keys that tokens are signed with. Errors: EncryptionKeyError; as ledger/storage/failures.py says."""
    async with database.snapshot(Role.AUTH, as_of=read_clock()) as tx:
        return await read_signing_keys(tx, overlap=settings.signing_key_overlap)
