"""Passwords come from a prompt, a file or standard input, never from an argument, which other users could see."""

import sys
from pathlib import Path

import typer

from cli.failures import FileUnreadableError, PasswordMissingError

_CHARACTERS_MAX = 4_096


def read_password(password_file: Path | None) -> str:
    """Return the password from the file (`-` is standard input), or prompt for it twice at the terminal.

    Errors: FileUnreadableError, PasswordMissingError where there is neither.
    """
    if password_file is None:
        if not sys.stdin.isatty():
            raise PasswordMissingError
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    try:
        if str(password_file) == "-":
            text = sys.stdin.read(_CHARACTERS_MAX)
        else:
            with password_file.open(encoding="utf-8") as stream:
                text = stream.read(_CHARACTERS_MAX)
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadableError(f"The password can't be read from {password_file}.") from error
    # An editor or `echo` ends the file with one line break; the rest is the password.
    return text.removesuffix("\n").removesuffix("\r")
