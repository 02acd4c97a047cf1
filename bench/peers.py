"""The peers' packages: installed by npm into a folder that git ignores, with a Node of their own."""

import functools
import shutil
import subprocess
import sys
from pathlib import Path

import orjson

PEERS_FOLDER = Path(__file__).parent / "peers_node"
_INSTALL_SECONDS_MAX = 600
_SHOWN = ("postgraphile", "graphql-yoga", "graphql", "dataloader", "pg", "node")


@functools.cache
def find_node() -> str | None:
    """Return the peers' Node after installing what is missing; None, with a note, where that is not possible."""
    npm = shutil.which("npm")
    if npm is None:
        print("npm is absent: the peers on Node are left out.", file=sys.stderr)
        return None
    node = PEERS_FOLDER / "node_modules" / "node" / "bin" / "node"
    if not _is_current() and not _install(npm):
        return None
    if not node.exists():
        print(f"npm installed no Node at {node}: the peers on Node are left out.", file=sys.stderr)
        return None
    return str(node)


def read_versions() -> dict[str, str]:
    """Return the installed versions of the peers' packages."""
    found = {name: PEERS_FOLDER / "node_modules" / name / "package.json" for name in _SHOWN}
    return {name: orjson.loads(path.read_bytes())["version"] for name, path in found.items() if path.exists()}


def _is_current() -> bool:
    """Whether what is installed is what the lock says."""
    installed = PEERS_FOLDER / "node_modules" / ".package-lock.json"
    lock = PEERS_FOLDER / "package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime


def _install(npm: str) -> bool:
    print("Installing the peers from npm, which takes half a minute ...", file=sys.stderr)
    command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(
        command, cwd=PEERS_FOLDER, capture_output=True, check=False, timeout=_INSTALL_SECONDS_MAX, text=True
    )
    if done.returncode:
        print(f"npm ci failed, so the peers on Node are left out: {done.stderr[-500:]}", file=sys.stderr)
    return done.returncode == 0
