"""The base class of all groups of settings.

A package declares its settings once, as sections, each setting with its range, unit, default and description;
`gateway.settings.Settings` inherits all sections and reads the environment. A function declares the section that it
reads and is passed the complete settings. A section never reads the environment itself: tests and tools construct one.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

PREFIX = "JEMBATAN_"
"""Of the environment variables; errors name the variable that bounds what they refuse."""


class SettingsSection(BaseModel):
    """A group of settings. An attribute has the name of its environment variable, in lower case and without the prefix.

    A name ends with its unit: _seconds, _ms, _hours, _days, _bytes, or _max (the most that is accepted).
    """

    # Only the class that inherits all of them is ever built whole, so the others are built when somebody makes one.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, defer_build=True)

    title: ClassVar[str]
    """The heading of the section in docs/settings.md."""
