"""A subscriber's place in the feed, kept in a file: written whole or not at all, and never guessed.

A file that holds something else is refused: to begin anew in its stead would skip what lies between.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from cli.failures import FileUnreadableError, FileUnwritableError

_CURSOR = re.compile(r"[A-Za-z0-9_-]{44}\n?")
_CHARACTERS_MAX = 100


@dataclass(frozen=True, slots=True)
class CursorFile:
    """The file, there or not."""

    path: Path

    def read(self) -> str | None:
        """The cursor; None where there is no file yet. Errors: FileUnreadableError."""
        try:
            with self.path.open(encoding="utf-8") as stream:
                text = stream.read(_CHARACTERS_MAX)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise FileUnreadableError(f"{self.path} can't be read.") from error
        if _CURSOR.fullmatch(text) is None:
            raise FileUnreadableError(
                f"{self.path} holds no cursor.",
                hint="Give another file, or remove it to begin from now: what happened since is not told then.",
            )
        return text.strip()

    def write(self, cursor: str) -> None:
        """Put the cursor in the place of the one before. Errors: FileUnwritableError."""
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        try:
            partial.write_text(f"{cursor}\n", encoding="utf-8")
            partial.replace(self.path)
        except OSError as error:
            raise FileUnwritableError(f"{self.path} can't be written: {error.strerror}.") from error
