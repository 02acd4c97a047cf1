"""The frames of text messages, as a server sends them: whole, in one frame, unmasked and uncompressed.

Source: RFC 6455 section 5.2.
"""

import struct

_TEXT = 0x80 | 0x01
"""The final frame of a message, and the opcode of text."""
_LENGTH_7, _LENGTH_16, _LENGTH_64 = (struct.Struct(form).pack for form in ("!BB", "!BBH", "!BBQ"))
_LENGTH_7_MAX, _LENGTH_16_MAX = 125, 0xFFFF


def render_text(*parts: bytes) -> bytes:
    """Render the frame of a message that is given in parts."""
    size = sum(map(len, parts))
    if size <= _LENGTH_7_MAX:
        head = _LENGTH_7(_TEXT, size)
    elif size <= _LENGTH_16_MAX:
        head = _LENGTH_16(_TEXT, 126, size)
    else:
        head = _LENGTH_64(_TEXT, 127, size)
    return b"".join((head, *parts))
