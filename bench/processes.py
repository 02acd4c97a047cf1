"""What a process and all its descendants use of the machine. Requires /proc."""

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

_READINGS_MAX = 100
HAS_PROC = Path("/proc/self/stat").exists()


def read_cpu_seconds(process_id: int) -> float:
    """Return user and system time so far, children included; to the nanosecond except for those that ended.

    Errors: OSError if the process itself has ended.
    """
    for _ in range(_READINGS_MAX):
        try:
            members = list(_list_tree(process_id))
            ended_ticks = sum(sum(map(int, _read_stat(member)[13:15])) for member in members)
            return sum(map(_read_clock, members)) + ended_ticks / os.sysconf("SC_CLK_TCK")
        except OSError:
            # A child ended meanwhile, and its time is now its parent's.
            continue
    raise ProcessLookupError(process_id)


def read_resident_bytes(process_id: int) -> int:
    """Return the memory held now."""
    return sum(int(_read_stat(member)[21]) for member in _list_tree(process_id)) * resource.getpagesize()


def allow_open_files(wanted: int) -> int:
    """Raise the limit on open files for this process and its children; return the limit that now applies."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft


def _read_clock(process_id: int) -> float:
    """Read the process's CPU clock. Its id is that of clock_getcpuclockid(3) on Linux, which Python lacks."""
    return time.clock_gettime((~process_id << 3) | 2)


def _list_tree(process_id: int) -> Iterator[int]:
    yield process_id
    for task in Path(f"/proc/{process_id}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _list_tree(int(child))


def _read_stat(process_id: int) -> list[str]:
    """Return the fields after the name, which may contain anything; the first is the state."""
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
