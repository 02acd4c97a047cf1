"""Files of the audit commands: streamed in and out, gzipped by their suffix, and never left incomplete.

A file is written under a temporary name and gets its own only when it is complete and on disk; an existing file is
never overwritten.
"""

import gzip
import os
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from pathlib import Path

from cli.failures import FileUnreadableError, FileUnwritableError
from cli.files import sync_folder
from ledger.feed.audit_files import LINE_BYTES_MAX

_COMPRESSION = 6
_GZIP_MAGIC = b"\x1f\x8b"


async def write_chunks(path: Path, chunks: AsyncIterator[bytes]) -> None:
    """Write a file from chunks. Errors: FileUnwritableError; then no file has its name."""
    with _writing_whole(path) as stream:
        async for chunk in chunks:
            stream.write(chunk)


def write_content(path: Path, content: bytes) -> None:
    """Write a small file. Errors: FileUnwritableError; then no file has its name."""
    with _writing_whole(path) as stream:
        stream.write(content)


@contextmanager
def _writing_whole(path: Path) -> Iterator[BufferedIOBase]:
    if path.exists():
        raise FileUnwritableError(f"{path} already exists.", hint="Give another name, or move it away.")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("xb") as raw:
            partial.chmod(0o600)
            with _compressed(raw, path) as stream:
                yield stream
            raw.flush()
            os.fsync(raw.fileno())
        # Unlike a rename, a link never replaces a file that was created meanwhile.
        os.link(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        raise FileUnwritableError(f"{path} can't be written: {error.strerror}.") from error
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


@contextmanager
def open_lines(path: Path) -> Iterator[Iterator[bytes]]:
    """Yield the lines of an export, each with its line break; the last has none if the file was cut off.

    Errors: FileUnreadableError.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise FileUnreadableError(f"{path} can't be read: {error.strerror}.") from error
    with raw:
        is_gzipped = raw.peek(2).startswith(_GZIP_MAGIC)
        yield _read_lines(gzip.GzipFile(fileobj=raw) if is_gzipped else raw)


def read_small(path: Path, *, bytes_max: int) -> bytes:
    """Read a small file. Errors: FileUnreadableError."""
    try:
        with path.open("rb") as stream:
            content = stream.read(bytes_max + 1)
    except OSError as error:
        raise FileUnreadableError(f"{path} can't be read: {error.strerror}.") from error
    if len(content) > bytes_max:
        raise FileUnreadableError(f"{path} is larger than {bytes_max} bytes.")
    return content


def _read_lines(stream: BufferedIOBase) -> Iterator[bytes]:
    """Yield lines up to where the file can be read; a damaged end looks like one that was cut off."""
    try:
        while line := stream.readline(LINE_BYTES_MAX):
            yield line
    except (EOFError, zlib.error, OSError):
        return


@contextmanager
def _compressed(raw: BufferedIOBase, path: Path) -> Iterator[BufferedIOBase]:
    if path.suffix != ".gz":
        yield raw
        return
    with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=_COMPRESSION, mtime=0) as stream:
        yield stream
