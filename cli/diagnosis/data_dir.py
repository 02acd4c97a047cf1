"""The data folder of an embedded installation: its space, and who may read it."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from cli.diagnosis.findings import Finding, fail, find_well, warn
from cli.key_file import FILE_NAME

_FREE_BYTES_MIN = 256 * 1024**2
_FREE_BYTES_ENOUGH = 2 * 1024**3
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_data_dir(data_dir: Path) -> Iterator[Finding]:
    """Yield what was found about the space and the rights of a folder that exists."""
    free = shutil.disk_usage(data_dir).free
    if free < _FREE_BYTES_MIN:
        yield fail("disk", f"{data_dir} has only {free >> 20} MiB left; PostgreSQL stops without space.", "Free some.")
    elif free < _FREE_BYTES_ENOUGH:
        yield warn("disk", f"{data_dir} has only {free >> 20} MiB left.", "Free some, or give it a larger disk.")
    else:
        yield find_well("disk", f"{data_dir} has {free >> 30} GiB left.")
    if not os.access(data_dir, os.W_OK | os.X_OK):
        yield fail("folder", f"{data_dir} can't be written to by this user.", "Run as its owner.")
        return
    key_file = data_dir / FILE_NAME
    if not key_file.exists():
        yield warn("folder", f"{key_file} doesn't exist.", "If this installation has data, restore the file.")
    elif key_file.stat().st_mode & _OTHERS:
        yield fail("folder", f"{key_file} can be read by others than its owner.", f"chmod 600 {key_file}")
    else:
        yield find_well("folder", f"{key_file} can be read by its owner only. Keep a copy of it elsewhere.")
