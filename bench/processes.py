"""What a process and all that it has started used of the machine. Reads /proc, so there must be one."""

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

HAS_PROC = Path("/proc/self/stat").exists()


def read_cpu_seconds(process_id: int) -> float:
    """User and system time so far, with that of children; to the nanosecond but for those that have ended."""
    members = list(_list_tree(process_id))
    ended_ticks = sum(sum(map(int, _read_stat(member)[13:15])) for member in members)
    return sum(map(_read_clock, members)) + ended_ticks / os.sysconf("SC_CLK_TCK")


def read_resident_bytes(process_id: int) -> int:
    """Memory that is held now."""
    return sum(int(_read_stat(member)[21]) for member in _list_tree(process_id)) * resource.getpagesize()


def allow_open_files(wanted: int) -> int:
    """Raise the bound on open files for this process and those that it starts; the bound that there is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft


def _read_clock(process_id: int) -> float:
    """The process's CPU clock. Its id is what clock_getcpuclockid(3) answers on Linux; Python lacks that function."""
    return time.clock_gettime((~process_id << 3) | 2)


def _list_tree(process_id: int) -> Iterator[int]:
    yield process_id
    for task in Path(f"/proc/{process_id}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _list_tree(int(child))


def _read_stat(process_id: int) -> list[str]:
    """The fields after the name, which may hold anything: the state is the first."""
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
