"""Files that commands read and write; `-` is standard input. One that can't be opened ends the command in one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from cli.failures import FileUnreadableError, FileUnwritableError


@contextmanager
def open_input(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read bytes from; - is standard input. Errors: FileUnreadableError."""
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = path.open("rb")
        stream.peek(1)
    except OSError as error:
        raise FileUnreadableError(f"{path} can't be read: {error.strerror}.") from error
    with stream:
        yield stream


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """Open a text file to write CSV to, or standard output. Errors: FileUnwritableError."""
    if path is None:
        yield sys.stdout
        return
    try:
        stream = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise FileUnwritableError(f"{path} can't be written: {error.strerror}.") from error
    with stream:
        yield stream
