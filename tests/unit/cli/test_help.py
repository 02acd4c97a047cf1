"""Every command explains itself, and docs/cli.md names it."""

import tomllib

import pytest
from typer.testing import CliRunner

from cli.failures import CommandError
from cli.loading import Entry
from cli.main import COMMANDS as ENTRIES
from cli.main import app
from tests.support.commands import list_commands
from tests.support.places import DOCS, ROOT

COMMANDS = list(list_commands())


class TestHelp:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_tells_what_the_command_does_with_an_example(self, command: tuple[str, ...]) -> None:
        answer = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
        assert answer.exit_code == 0, answer.output
        assert "Example" in answer.output
        assert f"jembatan {' '.join(command)}" in answer.output

    def test_lists_every_command(self) -> None:
        answer = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
        assert answer.exit_code == 0, answer.output
        for entry in ENTRIES:
            assert entry.help in answer.output

    @pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
    def test_says_in_the_list_what_the_command_says_of_itself(self, entry: Entry) -> None:
        assert (entry.load().help or "").splitlines()[0] == entry.help

    def test_covers_what_is_promised(self) -> None:
        promised = {
            ("serve",), ("demo",), ("migrate",), ("schema",), ("forward",), ("member", "add"), ("member", "list"),
            ("client", "add"), ("officer", "add"), ("officer", "disable"), ("numbering", "load"),
            ("import", "complaints"), ("orders", "export"), ("acknowledgements", "import"), ("keys", "rotate"),
        }  # fmt: skip
        assert promised <= set(COMMANDS)


class TestVersion:
    def test_is_that_of_the_project(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        answer = CliRunner().invoke(app, ["--version"])
        assert (answer.exit_code, answer.output) == (0, f"jembatan {project['version']}\n")


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
