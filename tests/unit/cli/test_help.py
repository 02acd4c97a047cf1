"""Every command explains itself, and docs/cli.md names it."""

from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

from cli.failures import CommandError
from cli.main import app
from tests.support.places import DOCS


def list_commands() -> Iterator[tuple[str, ...]]:
    def names(group: typer.Typer) -> Iterator[str]:
        for command in group.registered_commands:
            yield command.name or ""

    yield from ((name,) for name in names(app))
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from ((group.name or "", name) for name in names(group.typer_instance))


COMMANDS = list(list_commands())


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_tells_what_the_command_does_with_an_example(self, command: tuple[str, ...]) -> None:
        answer = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
        assert answer.exit_code == 0, answer.output
        assert "Example" in answer.output
        assert f"jembatan {' '.join(command)}" in answer.output

    def test_covers_what_is_promised(self) -> None:
        promised = {
            ("serve",), ("demo",), ("migrate",), ("schema",), ("forward",), ("member", "add"), ("member", "list"),
            ("client", "add"), ("officer", "add"), ("officer", "disable"), ("numbering", "load"),
            ("import", "complaints"), ("orders", "export"), ("acknowledgements", "import"), ("keys", "rotate"),
        }  # fmt: skip
        assert promised <= set(COMMANDS)


class TestDocumentation:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_names_the_command_with_an_example(self, command: tuple[str, ...]) -> None:
        text = (DOCS / "cli.md").read_text()
        name = f"jembatan {' '.join(command)}"
        assert f"## {name}" in text
        assert f"\n    {name}" in text

    @pytest.mark.parametrize("kind", CommandError.__subclasses__())
    def test_names_the_code_with_its_exit_status(self, kind: type[CommandError]) -> None:
        assert f"| `{kind.code}` | {kind.exit_code} |" in (DOCS / "cli.md").read_text()
