"""Commands by name, each loaded when it is called: `--help` and a small command import only what they need.

The list of commands is names, one-line helps and places; a command's own options and texts are in its module.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command or group of commands.

    place is `module:name` of a group's Typer or of a command's function; help is the first sentence of what that says
    of itself. epilog has a command's examples; those of a group's commands are in its module.
    """

    name: str
    place: str
    help: str
    epilog: str | None = None

    def load(self) -> TyperCommand | TyperGroup:
        """Import the command's module and build the command."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = self.name
            return group
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(self.name, epilog=self.epilog)(found)
        command = typer.main.get_command(single)
        assert isinstance(command, TyperCommand)  # noqa: S101 - of one function
        return command


class LazyGroup(TyperGroup):
    """A group that lists its entries without loading any, and loads the one that is called."""

    entries: ClassVar[Sequence[Entry]] = ()

    def __init__(self, **attributes: Any) -> None:
        """Put a name with its help in the place of each entry."""
        super().__init__(**attributes)
        for entry in self.entries:
            self.add_command(TyperCommand(entry.name, callback=None, help=entry.help))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that the arguments name, loaded. Errors: UsageError."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.load(name) if command is not None and name is not None else command, rest

    def load(self, name: str) -> TyperCommand | TyperGroup:
        """Return the entry of that name, loaded. Errors: StopIteration."""
        return next(entry for entry in self.entries if entry.name == name).load()
