"""What is cut out of evidence: regions of a picture, ranges of a text. Pure but for the program that decodes pictures.

A picture is decoded by a program of its own (image_worker.py), which has little memory and time, and none of ours to
read. A text is cut here; what is left says where something was taken out, and not how much.
Source: docs/adr/0159.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import InvalidInputError, UnavailableError
from ledger.extracts.image_worker import NOTHING_CUT, TOO_LARGE
from ledger.policies import RedactionPolicy

CUT_MARK = "[\u2026]"
CUTS_MAX = 200
IMAGES = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp"})
_WORKER = Path(__file__).with_name("image_worker.py")
_MEMORY_BYTES_MAX = 1_073_741_824
_COORDINATE_MAX = 1_000_000


class RedactionTypeError(InvalidInputError):
    """Evidence of this media type can't be redacted here."""

    code = "REDACTION_TYPE"
    hint = "Pictures (GIF, JPEG, PNG, WebP) take regions, text takes ranges. Of others, upload a redacted copy."


class RedactionInvalidError(InvalidInputError):
    """The regions or ranges cut nothing out, or are malformed."""

    code = "REDACTION_INVALID"


class RedactionTooLargeError(InvalidInputError):
    """The picture or the text is too large to be redacted here."""

    code = "REDACTION_TOO_LARGE"
    hint = "The bounds are JEMBATAN_REDACTION_BYTES_MAX and JEMBATAN_REDACTION_PIXELS_MAX."


class RedactionUnreadableError(InvalidInputError):
    """The picture can't be decoded."""

    code = "REDACTION_UNREADABLE"


class RedactionBusyError(UnavailableError):
    """Another picture is being redacted; nothing was done."""

    code = "REDACTION_BUSY"
    hint = "Try again in a moment."


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A rectangle of a picture as it is shown, in pixels from its upper left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRange:
    """Characters (code points) of a text, from start until before end."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """What to take out: regions of a picture, or ranges of a text."""

    regions: tuple[Region, ...] = ()
    ranges: tuple[TextRange, ...] = ()

    def check(self, media_type: str) -> None:
        """Errors: RedactionTypeError, RedactionInvalidError."""
        if media_type not in IMAGES and media_type != "text/plain":
            raise RedactionTypeError(field="evidenceId")
        own, other = (self.regions, self.ranges) if media_type in IMAGES else (self.ranges, self.regions)
        if not own or other or len(own) > CUTS_MAX:
            raise RedactionInvalidError(f"Name 1 to {CUTS_MAX} regions of a picture, or ranges of a text.")
        for region in self.regions:
            sides = (region.x, region.y, region.width, region.height)
            if min(sides) < 0 or max(sides) > _COORDINATE_MAX or not region.width or not region.height:
                raise RedactionInvalidError(field="regions")
        for cut in self.ranges:
            if not 0 <= cut.start < cut.end:
                raise RedactionInvalidError(field="ranges")


def cut_text(content: bytes, ranges: Sequence[TextRange]) -> bytes:
    """Return the text with a mark for each range taken out. Errors: RedactionInvalidError if a range lies outside."""
    text = content.decode()
    left: list[str] = []
    place = 0
    for cut in sorted(ranges, key=lambda each: each.start):
        if cut.end > len(text):
            raise RedactionInvalidError("A range ends behind the text.", field="ranges")
        if cut.start >= place:
            left += [text[place : cut.start], CUT_MARK]
        place = max(place, cut.end)
    return "".join((*left, text[place:])).encode()


async def cut_image(content: bytes, regions: Sequence[Region], policy: RedactionPolicy) -> bytes:
    """Return a PNG of the picture's pixels with the regions black.

    Errors: RedactionUnreadableError, RedactionTooLargeError, RedactionInvalidError.
    """
    asked = {
        "regions": [[region.x, region.y, region.width, region.height] for region in regions],
        "pixels_max": policy.redaction_pixels_max,
        "memory_bytes_max": _MEMORY_BYTES_MAX,
        "seconds_max": policy.redaction_seconds_max,
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-B",
        str(_WORKER),
        json.dumps(asked),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        async with asyncio.timeout(policy.redaction_seconds_max * 2):
            written, _ = await worker.communicate(content)
    except TimeoutError:
        raise RedactionTooLargeError("Decoding the picture took too long.", field="evidenceId") from None
    finally:
        if worker.returncode is None:
            with suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()
    if worker.returncode == NOTHING_CUT:
        raise RedactionInvalidError("No region lies in the picture.", field="regions")
    # A signal is the kernel's word that it took more time than it may.
    if worker.returncode == TOO_LARGE or (worker.returncode or 0) < 0:
        raise RedactionTooLargeError(field="evidenceId")
    if worker.returncode or not written:
        raise RedactionUnreadableError(field="evidenceId")
    return written
