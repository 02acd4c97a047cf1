"""Who runs a command and why, as the log tells it: the account of the operating system, and --reason."""

import os
import pwd
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ledger.operator_acts.recording import Operator

_HELP = "Why you do this; auditors read it beside the name of your account."

ReasonNeeded = Annotated[str, typer.Option("--reason", help=_HELP)]
"""For acts that give, take or change somebody's access."""
Reason = Annotated[str | None, typer.Option("--reason", help=_HELP)]


def name_operator(reason: str | None) -> "Operator":
    """Return who runs this process: its user by id, whatever the environment claims, and who used sudo, as it claims.

    Errors: ReasonMissingError for an empty reason; TextInvalidError, TextTooLongError.
    """
    from ledger.operator_acts.recording import Operator

    user_id = os.getuid()
    try:
        account = pwd.getpwuid(user_id).pw_name
    except KeyError:
        account = f"uid-{user_id}"
    return Operator(account=account, behalf_of=os.environ.get("SUDO_USER") or None, reason=reason)
