"""The keys of an embedded installation: made once, for its owner alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cli.failures import FileUnreadableError
from cli.key_file import FILE_NAME, read_or_make_keys
from ledger.storage.sealing import Keyring


class TestReadOrMakeKeys:
    def test_makes_keys_that_only_their_owner_can_read(self, tmp_path: Path) -> None:
        keys = read_or_make_keys(tmp_path / "data")
        assert Keyring.from_text(*keys)
        assert (tmp_path / "data" / FILE_NAME).stat().st_mode & 0o777 == 0o600

    def test_keeps_them(self, tmp_path: Path) -> None:
        assert read_or_make_keys(tmp_path) == read_or_make_keys(tmp_path)

    def test_gives_all_who_come_at_once_the_same_keys(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(read_or_make_keys, [tmp_path] * 16))
        assert len(set(found)) == 1
        assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]

    def test_never_replaces_a_file_that_it_cant_read(self, tmp_path: Path) -> None:
        (tmp_path / FILE_NAME).write_text("nothing")
        with pytest.raises(FileUnreadableError):
            read_or_make_keys(tmp_path)
        assert (tmp_path / FILE_NAME).read_text() == "nothing"
