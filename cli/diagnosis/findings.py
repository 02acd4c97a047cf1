"""What a check of `jembatan doctor` found: one line, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How serious it is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The check's name, its state, what was found, and what to do unless all is well."""

    check: str
    state: State
    message: str
    advice: str | None = None


def find_well(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check, State.OK, message)


def warn(check: str, message: str, advice: str) -> Finding:
    """It works, but not as it should, or could not be looked at."""
    return Finding(check, State.WARNING, message, advice)


def fail(check: str, message: str, advice: str) -> Finding:
    """It doesn't work, or isn't safe."""
    return Finding(check, State.FAILED, message, advice)
