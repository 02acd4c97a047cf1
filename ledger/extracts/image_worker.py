"""A program of its own that blacks out regions of a picture: it decodes what strangers sent, so it may do nothing else.

It reads a picture from stdin and writes a PNG to stdout; its one argument is JSON: {"regions": [[x, y, width, height],
...], "pixels_max": n, "memory_bytes_max": n, "seconds_max": n}. It takes limits on itself before it decodes anything,
imports nothing of ours, and is started with an empty environment. What it writes is made of pixels alone: no metadata,
no thumbnail, no second frame and no colour profile of the original can be in it. Exit statuses: 0 done, 3 not a
picture that it can read, 4 too many pixels, 5 no region lies in it.
"""

import io
import json
import resource
import sys
import warnings

UNREADABLE, TOO_LARGE, NOTHING_CUT = 3, 4, 5
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


def _limit(name: int, value: int) -> None:
    _, hard = resource.getrlimit(name)
    least = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(name, (least, least))


def redact(data: bytes, regions: list[list[int]], pixels_max: int) -> bytes:
    """Return the picture as a PNG without the regions. Errors: SystemExit with the statuses above."""
    from PIL import Image, ImageDraw, ImageOps

    Image.MAX_IMAGE_PIXELS = pixels_max
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > pixels_max:
                sys.exit(TOO_LARGE)
            # Regions are told as the picture is shown, so it is turned first.
            shown = ImageOps.exif_transpose(opened).convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        sys.exit(TOO_LARGE)
    except Exception:  # noqa: BLE001 - whatever a decoder fails with
        sys.exit(UNREADABLE)
    clean = Image.new("RGB", shown.size, "white")
    clean.paste(shown, mask=shown.getchannel("A"))
    draw = ImageDraw.Draw(clean)
    is_cut = False
    for left, top, width, height in regions:
        right, bottom = min(left + width, clean.width), min(top + height, clean.height)
        if left < right and top < bottom:
            draw.rectangle((left, top, right - 1, bottom - 1), fill="black")
            is_cut = True
    if not is_cut:
        sys.exit(NOTHING_CUT)
    written = io.BytesIO()
    clean.save(written, "PNG")
    return written.getvalue()


def main() -> None:
    """Do the one job."""
    asked = json.loads(sys.argv[1])
    _limit(resource.RLIMIT_AS, asked["memory_bytes_max"])
    _limit(resource.RLIMIT_CPU, asked["seconds_max"])
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    sys.stdout.buffer.write(redact(sys.stdin.buffer.read(), asked["regions"], asked["pixels_max"]))


if __name__ == "__main__":
    main()
