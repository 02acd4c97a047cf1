"""The cursor's file through a crash at every step of its replacement, and the order of event and cursor."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.failures import FileUnwritableError
from cli.follow.client_tokens import GivenToken
from cli.follow.cursor_file import CursorFile
from cli.follow.subscriber import Event, Subscriber

OLD, NEW = "A" * 44, "B" * 44
_processes = multiprocessing.get_context("fork")


def die(*_arguments: object) -> None:
    os._exit(9)


def write_and_die(file: Path, step: str) -> None:
    """Replace the cursor in a process that is killed when it reaches the step."""
    setattr(os, step, die)
    CursorFile(file).write(NEW)


class TestReplacement:
    @pytest.mark.parametrize(("step", "expected"), [("fsync", OLD), ("replace", OLD), ("close", NEW)])
    def test_killed_at_any_step_leaves_one_whole_cursor(self, tmp_path: Path, step: str, expected: str) -> None:
        file = tmp_path / "orders.cursor"
        CursorFile(file).write(OLD)
        process = _processes.Process(target=write_and_die, args=(file, step))
        process.start()
        process.join(30)
        assert process.exitcode == 9
        assert CursorFile(file).read() == expected

    def test_is_on_disk_before_it_returns_content_first_and_name_last(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[str] = []
        fsync, replace = os.fsync, Path.replace

        def note_fsync(handle: int) -> None:
            done.append("folder" if Path(f"/proc/self/fd/{handle}").readlink() == tmp_path else "content")
            fsync(handle)

        def note_replace(path: Path, target: Path) -> Path:
            done.append("name")
            return replace(path, target)

        monkeypatch.setattr(os, "fsync", note_fsync)
        monkeypatch.setattr(Path, "replace", note_replace)
        CursorFile(tmp_path / "orders.cursor").write(NEW)
        assert done == ["content", "name", "folder"]

    def test_on_a_full_disk_keeps_the_old_cursor(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "orders.cursor"
        CursorFile(file).write(OLD)

        def fail(_handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(FileUnwritableError):
            CursorFile(file).write(NEW)
        assert CursorFile(file).read() == OLD
        assert [path.name for path in tmp_path.iterdir()] == ["orders.cursor"]


class TestOrder:
    """The steps of one event, taken with a keeper that fails as a kill between the steps would."""

    def take(self, keeper: object, handed: list[str], cursor: str) -> None:
        def hand_on(event: Event) -> None:
            handed.append(event.cursor)

        subscriber = Subscriber(
            url="http://127.0.0.1:1",
            document="subscription { feed { cursor } }",
            tokens=GivenToken("token"),
            hand_on=hand_on,
            note=print,
            keeper=keeper,  # type: ignore[arg-type]  # anything that writes
        )
        subscriber._take({"data": {"feed": {"entry": {"position": "1"}}}, "extensions": {"cursor": cursor}})

    def test_killed_between_event_and_cursor_hands_the_event_on_again_and_never_skips_one(self, tmp_path: Path) -> None:
        file = CursorFile(tmp_path / "orders.cursor")
        handed: list[str] = []
        self.take(file, handed, OLD)

        class Killed:
            def write(self, cursor: str) -> None:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.take(Killed(), handed, NEW)
        assert (handed, file.read()) == ([OLD, NEW], OLD)
        resumed: list[str] = []
        # What follows the kept cursor is the event that was printed last: it is handed on a second time.
        self.take(file, resumed, NEW)
        assert (resumed, file.read()) == ([NEW], NEW)


class TestKeeper:
    def test_is_written_before_the_next_event_is_handed_on(self, tmp_path: Path) -> None:
        steps: list[str] = []
        file = CursorFile(tmp_path / "orders.cursor")

        class Noted:
            def write(self, cursor: str) -> None:
                file.write(cursor)
                steps.append(f"kept {cursor[0]}")

        hand_on: Callable[[Event], None] = lambda event: steps.append(f"handed {event.cursor[0]}")  # noqa: E731
        subscriber = Subscriber(
            url="", document="", tokens=GivenToken("t"), hand_on=hand_on, note=print, keeper=Noted()
        )
        for cursor in (OLD, NEW):
            subscriber._take({"data": {"feed": {"entry": {}}}, "extensions": {"cursor": cursor}})
        assert steps == ["handed A", "kept A", "handed B", "kept B"]
