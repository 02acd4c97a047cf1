"""What every group of settings is made of.

A package declares its settings once, as sections, each setting with its bound, unit, default and description;
`gateway.settings.Settings` inherits them all and reads the environment. A part takes the section that it reads, and is
handed the whole. A section by itself never reads the environment: a test or a tool constructs the one that it needs.
"""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class SettingsSection(BaseModel):
    """A group of settings. The attribute's name is that of its environment variable, in small letters.

    Units stand last in a name: _seconds, _ms, _hours, _days, _bytes, _max (the most that is accepted).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    title: ClassVar[str]
    """The heading of the section in docs/settings.md."""
