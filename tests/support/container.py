"""An image built and run without an engine: its commands in a root of their own, laid over this machine's files.

What is written stays in memory and is gone with the namespace that holds it. This machine stands in for the base image,
so it shows that the commands work with these files, this user and nothing else, and not what the base image has.
It needs root, and a kernel that lets root make namespaces and overlays.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.dockerfile import Image, Instruction, pack, read_instructions
from tests.support.waiting import block_until

_PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
_PASSED_ON = ("PIP_", "SSL_", "REQUESTS_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_ENTER = Path(__file__).with_name("container_entry.py")
_MAKE_ROOT = """
set -e
mount -t tmpfs tmpfs "$0"
for stage in "$@"; do
  mkdir -p "$0/$stage/upper" "$0/$stage/work" "$0/$stage/root"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$0/$stage/upper,workdir=$0/$stage/work" "$0/$stage/root"
  mount --rbind /dev "$0/$stage/root/dev"
done
echo made
exec sleep infinity
"""


def find_hindrance() -> str | None:
    """Return why no image can be built here, or None."""
    if os.geteuid() != 0:
        return "only root can make a root of its own"
    missing = [tool for tool in ("unshare", "nsenter", "useradd", "setpriv") if not shutil.which(tool)]
    if missing:
        return f"there is no {missing[0]}"
    tried = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], check=False, capture_output=True)
    return "this kernel makes no namespaces" if tried.returncode else None


@dataclass(slots=True)
class Stages:
    """The roots of an image's stages, in a mount namespace that one process holds."""

    folder: Path
    holder: int
    images: dict[str, Image] = field(default_factory=dict)

    def root(self, stage: str) -> Path:
        return self.folder / stage / "root"

    def run(self, *command: str, content: bytes | None = None) -> str:
        """Run a command of this machine where the roots are. Errors: AssertionError with what it printed."""
        entered = ["nsenter", f"--target={self.holder}", "--mount", "--", *command]
        ended = subprocess.run(entered, input=content, check=False, capture_output=True)
        assert ended.returncode == 0, (command, ended.stdout.decode()[-2000:], ended.stderr.decode()[-2000:])
        return ended.stdout.decode()

    def build(self, stage: str, instruction: Instruction, context: Path) -> None:
        """Carry out one instruction."""
        image, root = self.images[stage], self.root(stage)
        if instruction.word == "RUN":
            passed = {name: value for name, value in os.environ.items() if name.upper().startswith(_PASSED_ON)}
            entry = _describe(image, ["/bin/sh", "-ec", instruction.text], passed | {"HOME": "/root"})
            self.run("chroot", str(root), "/usr/local/bin/python", "-c", _ENTER.read_text(), json.dumps(entry))
        elif instruction.word == "COPY":
            origin, *rest = instruction.words
            if origin.startswith("--from="):
                source, target = rest
                self.run("cp", "-a", f"{self.root(origin.partition('=')[2])}{source}", f"{root}{target}")
                return
            target = os.path.join(image.directory, rest[-1])  # noqa: PTH118 - a path of the image
            self.run("tar", "-x", "-P", "-C", str(root), content=pack(context, [origin, *rest[:-1]], f".{target}"))
        else:
            image.note(instruction)
            if instruction.word == "WORKDIR":
                self.run("mkdir", "-p", f"{root}{image.directory}")


@contextmanager
def build(context: Path, folder: Path) -> Iterator[Stages]:
    """Build the image of the context's Dockerfile; its last stage is `final`."""
    instructions = read_instructions(context / "Dockerfile")
    names = [found.words[-1] if " AS " in found.text else "final" for found in instructions if found.word == "FROM"]
    holder = subprocess.Popen(
        ["unshare", "--mount", "--propagation=private", "sh", "-c", _MAKE_ROOT, str(folder), *names],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"made\n"
        stages = Stages(folder, holder.pid)
        coming = iter(names)
        for instruction in instructions:
            if instruction.word == "FROM":
                stage = next(coming)
                stages.images[stage] = Image({"PATH": _PATH})
                _lay_base(stages, stage)
            else:
                stages.build(stage, instruction, context)
        yield stages
    finally:
        holder.kill()
        holder.communicate()


def _lay_base(stages: Stages, stage: str) -> None:
    """Give the stage what the base image has: `python`, which everybody may run."""
    interpreter = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    root = stages.root(stage)
    # Not a link: an environment made by it would look for the library beside the link.
    wrapper = f'#!/bin/sh\nexec {interpreter} "$@"\n'.encode()
    stages.run("install", "-m", "0755", "/dev/stdin", f"{root}/usr/local/bin/python", content=wrapper)
    stages.run("chmod", "a+x", *(f"{root}{parent}" for parent in interpreter.parents if parent != Path("/")))


def _describe(image: Image, command: Sequence[str], more: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "command": list(command),
        "environment": image.environment | (more or {}),
        "user": image.user,
        "directory": image.directory,
    }


@dataclass(slots=True)
class Container:
    """A running container of the last stage, with a network and processes of its own."""

    image: Image
    process: subprocess.Popen[bytes]
    output: Path
    environment: dict[str, str]

    @property
    def init(self) -> int:
        """The process that is number 1 in there."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")

        def is_in_its_root() -> bool:
            assert self.process.poll() is None, self.output.read_text()
            found = children.read_text().split()
            return bool(found) and os.readlink(f"/proc/{found[0]}/root") != "/"  # noqa: PTH115

        block_until(is_in_its_root, "it started")
        return int(children.read_text().split()[0])

    def execute(
        self, *command: str, user: str | None = None, environment: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in there, as `docker exec` does."""
        entry = _describe(self.image, command, self.environment | (environment or {})) | (
            {"user": user} if user else {}
        )
        entered = ["nsenter", f"--target={self.init}", "--mount", "--pid", "--net", "--root", "--wd"]
        entered += ["--", "/usr/local/bin/python", "-c", _ENTER.read_text(), json.dumps(entry)]
        return subprocess.run(entered, check=False, capture_output=True, text=True)

    def print(self, *command: str, environment: dict[str, str] | None = None) -> str:
        """Return what a command in there prints. Errors: AssertionError if it fails."""
        ended = self.execute(*command, environment=environment)
        assert ended.returncode == 0, (command, ended.returncode, ended.stdout, ended.stderr)
        return ended.stdout

    def stop(self, number: int) -> int:
        """Send a signal to the first process, and return the exit status."""
        os.kill(self.init, number)
        return self.process.wait(timeout=60)


@contextmanager
def run(
    stages: Stages,
    output: Path,
    *command: str,
    environment: dict[str, str] | None = None,
    entrypoint: Sequence[str] | None = None,
) -> Iterator[Container]:
    """Run a container as `docker run` does, read-only beside its volumes and an empty /tmp; kill it at the end."""
    image, root = stages.images["final"], stages.root("final")
    more = environment or {}
    entry = _describe(
        image, [*entrypoint, *command] if entrypoint else [*image.entrypoint, *(command or image.command)], more
    )
    entry |= {"root": str(root), "volumes": image.volumes}
    started = ["nsenter", f"--target={stages.holder}", "--mount", "--"]
    started += ["unshare", "--mount", "--propagation=private", "--pid", "--net", "--fork"]
    started += [f"{root}/usr/local/bin/python", "-c", _ENTER.read_text(), json.dumps(entry)]
    with output.open("wb") as log:
        process = subprocess.Popen(started, stdout=log, stderr=subprocess.STDOUT)
        container = Container(image, process, output, more)
        try:
            yield container
        finally:
            # With it all others in there end. It outlives its parent, since it took another user.
            if process.poll() is None:
                os.kill(container.init, signal.SIGKILL)
            process.wait()
