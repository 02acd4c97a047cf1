"""Files that commands read and write; `-` is standard input. One that can't be opened ends the command in one line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import typer

from cli.failures import FileUnreadableError, FileUnwritableError
from ledger.text_files import Encoding

EncodingOption = Annotated[
    Encoding | None,
    typer.Option(
        "--encoding",
        case_sensitive=False,
        help="The file's encoding. Unset: UTF-8, or UTF-16 with a byte order mark; no other is found out.",
    ),
]


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


def replace_file(path: Path, content: bytes) -> None:
    """Replace a small file's content, durably: after a crash it has the old content or the new, never a part.

    On return the new content is on disk under its name. Only its owner can read it. Errors: FileUnwritableError; then
    the file is as it was.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise FileUnwritableError(f"{path} can't be written: {error.strerror}.") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Errors: OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
