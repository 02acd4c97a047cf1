"""A subscriber's position in the feed, kept in a file: written completely or not at all, and never guessed.

A file with any other content is refused: starting over instead would skip the events in between.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from cli.failures import FileUnreadableError
from cli.files import replace_file

_CURSOR = re.compile(r"[A-Za-z0-9_-]{44}\n?")
_CHARACTERS_MAX = 100


@dataclass(frozen=True, slots=True)
class CursorFile:
    """The file, whether or not it exists."""

    path: Path

    def read(self) -> str | None:
        """Return the cursor, or None where there is no file yet. Errors: FileUnreadableError."""
        try:
            with self.path.open(encoding="utf-8") as stream:
                text = stream.read(_CHARACTERS_MAX)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise FileUnreadableError(f"{self.path} can't be read.") from error
        if _CURSOR.fullmatch(text) is None:
            raise FileUnreadableError(
                f"{self.path} contains no cursor.",
                hint="Give another file, or remove it to begin now and miss what happened since.",
            )
        return text.strip()

    def write(self, cursor: str) -> None:
        """Replace the previous cursor; on return it is on disk. Errors: FileUnwritableError."""
        replace_file(self.path, f"{cursor}\n".encode())
