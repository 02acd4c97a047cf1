"""Files of the audit commands: whole or not at all."""

import gzip
from pathlib import Path

import pytest

from cli.audit.streams import open_lines, read_small, write_chunks, write_content
from cli.failures import FileUnreadableError, FileUnwritableError


async def chunks(*parts, failure=None):
    for part in parts:
        yield part
    if failure:
        raise failure


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestWriteChunks:
    @pytest.mark.parametrize("name", ["feed.jsonl", "feed.jsonl.gz"])
    async def test_writes_what_open_lines_reads(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        await write_chunks(path, chunks(b"one\ntw", b"o\n"))
        with open_lines(path) as lines:
            assert list(lines) == [b"one\n", b"two\n"]
        assert path.read_bytes().startswith(b"\x1f\x8b") == name.endswith(".gz")
        assert path.stat().st_mode & 0o077 == 0

    async def test_leaves_nothing_where_it_was_stopped(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError):
            await write_chunks(tmp_path / "feed.jsonl", chunks(b"one\n", failure=RuntimeError("stopped")))
        assert list_names(tmp_path) == []

    async def test_takes_the_place_of_no_file(self, tmp_path: Path) -> None:
        path = tmp_path / "feed.jsonl"
        path.write_bytes(b"kept")

        async def meanwhile():
            yield b"one\n"
            other.write_bytes(b"came meanwhile")

        with pytest.raises(FileUnwritableError):
            await write_chunks(path, chunks(b"one\n"))
        other = tmp_path / "other.jsonl"
        with pytest.raises(FileUnwritableError):
            await write_chunks(other, meanwhile())
        assert (path.read_bytes(), other.read_bytes()) == (b"kept", b"came meanwhile")
        assert list_names(tmp_path) == ["feed.jsonl", "other.jsonl"]

    def test_says_where_a_folder_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(FileUnwritableError):
            write_content(tmp_path / "none" / "proof.json", b"{}")


class TestOpenLines:
    def test_gives_what_there_is_of_a_damaged_file(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.jsonl.gz"
        path.write_bytes(gzip.compress(b"one\n" * 100_000)[:-20])
        with open_lines(path) as lines:
            assert all(line in {b"one\n", b"one", b"on", b"o"} for line in lines)

    def test_refuses_what_can_not_be_opened(self, tmp_path: Path) -> None:
        with pytest.raises(FileUnreadableError), open_lines(tmp_path / "none"):
            pass
        large = tmp_path / "large"
        large.write_bytes(b"x" * 11)
        with pytest.raises(FileUnreadableError):
            read_small(large, bytes_max=10)
