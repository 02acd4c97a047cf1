"""A Dockerfile and its context, read as far as ours go; whatever else stands there is an error and no guess.

Source: the Dockerfile reference and the reference of .dockerignore files.
"""

import fnmatch
import io
import json
import re
import tarfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_ASSIGNMENT = re.compile(r'(\w+)=("[^"]*"|\S+)')


@dataclass(frozen=True, slots=True)
class Instruction:
    word: str
    text: str

    @property
    def words(self) -> list[str]:
        """The text as a JSON list if it is one, else its words."""
        if self.text.startswith("["):
            listed: list[str] = json.loads(self.text)
            return listed
        return self.text.split()


@dataclass(slots=True)
class Image:
    """What a stage says of its containers."""

    environment: dict[str, str] = field(default_factory=dict)
    user: str = "0"
    directory: str = "/"
    volumes: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health_command: list[str] = field(default_factory=list)

    def note(self, instruction: Instruction) -> None:
        """Take an instruction that changes no file. Errors: ValueError for one that is not known here."""
        words = instruction.words
        match instruction.word:
            case "ENV":
                for name, value in _ASSIGNMENT.findall(instruction.text):
                    self.environment[name] = self.expand(value.strip('"'))
            case "USER":
                self.user = instruction.text
            case "WORKDIR":
                self.directory = instruction.text
            case "VOLUME":
                self.volumes += words
            case "EXPOSE":
                self.ports += map(int, words)
            case "ENTRYPOINT":
                self.entrypoint = words
            case "CMD":
                self.command = words
            case "HEALTHCHECK":
                self.health_command = Instruction("CMD", instruction.text.partition(" CMD ")[2].strip()).words
            case _:
                raise ValueError(f"{instruction.word} is not known here")

    def expand(self, text: str) -> str:
        return _VARIABLE.sub(lambda found: self.environment[found[1]], text)


def read_instructions(path: Path) -> list[Instruction]:
    """Return the instructions in their order, each on one line."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    return [Instruction(word, re.sub(r"\s{2,}", " ", text).strip()) for word, _, text in found]


def pack(context: Path, names: list[str], target: str) -> bytes:
    """Return a tar archive of what COPY takes from the context, as files of root. Errors: FileNotFoundError."""
    patterns = (context / ".dockerignore").read_text(encoding="utf-8").split()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as packed:
        for name in names:
            source = context / name
            if not source.exists() or is_ignored(name, patterns):
                raise FileNotFoundError(f"COPY {name}: the context has no such file")
            is_folder = target.endswith("/") or len(names) > 1
            top = str(PurePosixPath(target) / source.name) if is_folder else target
            for file in [source] if source.is_file() else sorted(source.rglob("*")):
                if file.is_file() and not is_ignored(str(file.relative_to(context)), patterns):
                    member = packed.gettarinfo(file, arcname=str(PurePosixPath(top) / file.relative_to(source)))
                    member.uid = member.gid = 0
                    member.uname = member.gname = "root"
                    with file.open("rb") as content:
                        packed.addfile(member, content)
    return archive.getvalue()


def is_ignored(path: str, patterns: list[str]) -> bool:
    """Whether the last pattern that matches the path, or a folder above it, leaves it out."""
    above = [str(parent) for parent in PurePosixPath(path).parents if str(parent) != "."]
    ignored = False
    for pattern in patterns:
        plain = pattern.removeprefix("!")
        loose = plain.removeprefix("**/")
        for each in [path, *above]:
            tried = PurePosixPath(each).name if loose != plain else each
            if fnmatch.fnmatchcase(tried, loose) and (loose != "*" or "/" not in each):
                ignored = not pattern.startswith("!")
    return ignored
