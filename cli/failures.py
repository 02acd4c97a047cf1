"""What ends a command early, as one line on stderr and an exit status: 1 refused or failed, 2 called the wrong way.

    CommandError
    +-- KeysMissingError             KEYS_MISSING
    +-- EmbeddedServerError          EMBEDDED_SERVER_FAILED
    +-- DatabaseRefusedError         DATABASE_REFUSED
    +-- FileUnreadableError          FILE_UNREADABLE
    +-- FileUnwritableError          FILE_UNWRITABLE
    +-- NameUnknownError             NAME_UNKNOWN
    +-- OfficerInactiveError         OFFICER_INACTIVE
    +-- PasswordMissingError         PASSWORD_MISSING
    +-- PortTakenError               PORT_TAKEN
    +-- DemoRunningError             DEMO_RUNNING
    +-- DemoStepError                DEMO_STEP_FAILED
    +-- WorkersFailedError           WORKERS_FAILED (workers.py)
    +-- VerificationError            UNVERIFIABLE (audit/offline.py)
    +-- ArchiveUnverifiedError       ARCHIVE_UNVERIFIED (audit/archive.py)
    +-- ArchiveOtherFileError        ARCHIVE_OTHER_FILE (audit/archive.py)
    +-- WitnessAlarmError            SPLIT_VIEW, ROLLED_BACK, RESTORED, CHECKPOINT_WRONG (audit/witnessing.py)
    +-- AccessRecordsAlteredError    ACCESS_RECORDS_ALTERED (accesses.py)

Refusals by the ledger and by auth keep their own codes. Nothing else in the package prints errors.
"""

from typing import Any, ClassVar

from rich.text import Text

from cli.printing import notes

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


class DatabaseRefusedError(CommandError):
    """PostgreSQL refused the connection."""

    code = "DATABASE_REFUSED"
    hint = "Check the user, password and database name in JEMBATAN_DATABASE_URL."


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


class DemoRunningError(CommandError):
    """Another demo is running on the same data."""

    code = "DEMO_RUNNING"
    hint = "Stop it with Ctrl-C, or give this one another folder with --data-dir."


class DemoStepError(CommandError):
    """A step of the demo did not succeed."""

    code = "DEMO_STEP_FAILED"


def report_failure(error: Exception) -> int:
    """Print on stderr why the command ends, and return its exit status."""
    from auth.errors import AuthError
    from gateway.settings import SettingsError
    from ledger.errors import LedgerError

    if isinstance(error, SettingsError):
        for line in str(error).splitlines():
            _say("SETTING_INVALID", line, None)
        return MISUSED
    if isinstance(error, CommandError | LedgerError | AuthError):
        field: Any = getattr(error, "field", None)
        _say(error.code, f"{error.message} ({field})" if field else error.message, error.hint)
        return error.exit_code if isinstance(error, CommandError) else FAILED
    _say("INTERNAL", f"Unexpected {type(error).__name__}.", "Run with JEMBATAN_LOG_LEVEL=DEBUG to see where.")
    return FAILED


def _say(code: str, message: str, hint: str | None) -> None:
    console = notes()
    line = Text.assemble(("error: ", "bold red"), (code, "bold"), ": ", message)
    console.print(line, soft_wrap=True)
    if hint:
        console.print(Text.assemble(("hint: ", "bold"), hint), soft_wrap=True)
