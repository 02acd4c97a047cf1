"""What ends a command early, as one line on stderr and an exit status: 1 refused or failed, 2 called the wrong way.

    CommandError
    +-- KeysMissingError             KEYS_MISSING
    +-- EmbeddedServerError          EMBEDDED_SERVER_FAILED
    +-- FileUnreadableError          FILE_UNREADABLE
    +-- FileUnwritableError          FILE_UNWRITABLE
    +-- NameUnknownError             NAME_UNKNOWN
    +-- OfficerInactiveError         OFFICER_INACTIVE
    +-- PasswordMissingError         PASSWORD_MISSING
    +-- PortTakenError               PORT_TAKEN
    +-- ServerFailedError            SERVER_FAILED
    +-- DemoRunningError             DEMO_RUNNING
    +-- DemoStepError                DEMO_STEP_FAILED
    +-- WorkersFailedError           WORKERS_FAILED (workers.py)
    +-- VerificationError            UNVERIFIABLE (audit/offline.py)
    +-- ArchiveUnverifiedError       ARCHIVE_UNVERIFIED (audit/archive.py)
    +-- ArchiveOtherFileError        ARCHIVE_OTHER_FILE (audit/archive.py)
    +-- WitnessAlarmError            SPLIT_VIEW, ROLLED_BACK, RESTORED, CHECKPOINT_WRONG (audit/witnessing.py)
    +-- AccessRecordsAlteredError    ACCESS_RECORDS_ALTERED (accesses.py)
    +-- SigningError                 TERMS_HASH_MISMATCH, or the gateway's own code (signing.py)

Refusals by the ledger and by auth keep their own codes. Nothing else in the package prints errors.
"""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

FAILED, MISUSED = 1, 2


class CommandError(Exception):
    """The command can't continue."""

    code: ClassVar[str] = "COMMAND_FAILED"
    exit_code: ClassVar[int] = FAILED
    hint: str | None = None

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        """Use the docstring's first line as the message unless another is given."""
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        self.hint = hint or type(self).hint
        super().__init__(self.message)


class KeysMissingError(CommandError):
    """JEMBATAN_DATABASE_URL is set, but the encryption keys are not."""

    code = "KEYS_MISSING"
    exit_code = MISUSED
    hint = (
        "Set JEMBATAN_ENCRYPTION_KEYS and JEMBATAN_REFERENCE_KEY; `jembatan keys generate` prints new ones. Keep them: "
        "data encrypted under a lost key is lost."
    )


class EmbeddedServerError(CommandError):
    """The embedded PostgreSQL did not start."""

    code = "EMBEDDED_SERVER_FAILED"


class FileUnreadableError(CommandError):
    """The file can't be read."""

    code = "FILE_UNREADABLE"


class FileUnwritableError(CommandError):
    """The file can't be written."""

    code = "FILE_UNWRITABLE"


class NameUnknownError(CommandError):
    """There is nothing with this name."""

    code = "NAME_UNKNOWN"


class OfficerInactiveError(CommandError):
    """The officer is disabled, or lacks the required scope."""

    code = "OFFICER_INACTIVE"


class PasswordMissingError(CommandError):
    """There is no terminal on which to ask for the password."""

    code = "PASSWORD_MISSING"
    exit_code = MISUSED
    hint = "Give --password-file FILE, or --password-file - to read it from standard input."


class PortTakenError(CommandError):
    """The port is in use."""

    code = "PORT_TAKEN"
    hint = "Choose another with --port, or 0 for any free one."


class ServerFailedError(CommandError):
    """The server did not start."""

    code = "SERVER_FAILED"
    hint = "Its log above says why."


class DemoRunningError(CommandError):
    """Another demo is running on the same data."""

    code = "DEMO_RUNNING"
    hint = "Stop it with Ctrl-C, or give this one another folder with --data-dir."


class DemoStepError(CommandError):
    """A step of the demo did not succeed."""

    code = "DEMO_STEP_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a command or a worker ends: lines of code, message and hint, and the exit status."""

    lines: tuple[tuple[str, str, str | None], ...]
    exit_code: int

    @property
    def code(self) -> str:
        """The first line's code."""
        return self.lines[0][0]

    @property
    def message(self) -> str:
        """The first line's message."""
        return self.lines[0][1]

    def render(self) -> bytes:
        """Return it as a text that parse reads."""
        return json.dumps({"lines": self.lines, "exitCode": self.exit_code}).encode()

    @classmethod
    def parse(cls, text: bytes) -> "Failure | None":
        """Return what render returned, or None for any other text, such as one that was cut off."""
        try:
            told = json.loads(text)
            lines = tuple((code, message, hint) for code, message, hint in told["lines"])
            return cls(lines=lines, exit_code=told["exitCode"]) if lines else None
        except (ValueError, TypeError, KeyError):
            return None


class RelayedError(Exception):
    """What another process described as its failure, or the ledger as the problem of a command's only item."""

    def __init__(self, failure: Failure) -> None:
        """Keep the failure."""
        self.failure = failure
        super().__init__(failure.message)


def report_failure(error: Exception) -> int:
    """Print on stderr why the command ends, and return its exit status."""
    failure = describe_failure(error)
    print_failure(failure)
    return failure.exit_code


def describe_failure(error: Exception) -> Failure:
    """Return why the command ends, without anything internal."""
    if isinstance(error, RelayedError):
        return error.failure
    if isinstance(error, CommandError):
        return _describe(error, exit_code=error.exit_code)
    from auth.errors import AuthError
    from gateway.settings import SettingsError
    from ledger.errors import LedgerError

    if isinstance(error, SettingsError):
        lines = tuple(("SETTING_INVALID", line, None) for line in str(error).splitlines())
        return Failure(lines=lines, exit_code=MISUSED)
    if isinstance(error, LedgerError | AuthError):
        return _describe(error, exit_code=FAILED)
    hint = "Run with JEMBATAN_LOG_LEVEL=DEBUG to see where."
    return Failure(lines=(("INTERNAL", f"Unexpected {type(error).__name__}.", hint),), exit_code=FAILED)


def _describe(error: Any, *, exit_code: int) -> Failure:
    field = getattr(error, "field", None)
    message = f"{error.message} ({field})" if field else error.message
    return Failure(lines=((error.code, message, error.hint),), exit_code=exit_code)


def print_failure(failure: Failure) -> None:
    """Print a failure on stderr, each line with its hint below."""
    from rich.text import Text

    from cli.printing import notes

    console = notes()
    for code, message, hint in failure.lines:
        line = Text.assemble(("error: ", "bold red"), (code, "bold"), ": ", message)
        console.print(line, soft_wrap=True)
        if hint:
            console.print(Text.assemble(("hint: ", "bold"), hint), soft_wrap=True)
