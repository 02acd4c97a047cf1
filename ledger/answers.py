"""How large the answer to one operation may become, counted while it is made. It knows nothing about what is read.

What is read and what the answer comes to are counted apart, since a text that is read once may be in the answer many
times. Whoever makes the answer stops as soon as either count exceeds the bound, so an operation never holds more than
a few times the bound, whatever it asks for.
Source: docs/adr/0080.
"""

import math
from typing import Self

from ledger.errors import InvalidInputError


class AnswerTooLargeError(InvalidInputError):
    """The answer is larger than one answer may be."""

    code = "ANSWER_TOO_LARGE"
    hint = (
        "Ask for a smaller page or fewer fields. What a mutation wrote stands, and it can safely be repeated. The "
        "bound is JEMBATAN_ANSWER_BYTES_MAX."
    )

    @classmethod
    def beyond(cls, bytes_max: float) -> Self:
        """Return the error that names the bound."""
        return cls(f"The answer is larger than {bytes_max:.0f} bytes.", details={"bytesMax": bytes_max})


class AnswerSize:
    """The bytes of one operation's answer. Owned by the operation; its fields may count from any task."""

    __slots__ = ("built", "bytes_max", "read")

    def __init__(self, bytes_max: float = math.inf) -> None:
        """Start at nothing; without a bound nothing is ever too large."""
        self.bytes_max = bytes_max
        self.read = 0
        self.built = 0

    @property
    def is_exceeded(self) -> bool:
        """Whether the operation read, or its answer came to, more than one answer may have."""
        return self.built > self.bytes_max or self.read > self.bytes_max

    @property
    def left_to_read(self) -> int | None:
        """How many bytes of long texts may still be read; None without a bound."""
        return None if math.isinf(self.bytes_max) else max(int(self.bytes_max) - self.read, 0)

    def check_size(self, size: int) -> None:
        """Errors: AnswerTooLargeError if so many bytes more would be too many."""
        if self.built + size > self.bytes_max:
            raise AnswerTooLargeError.beyond(self.bytes_max)

    def count_read(self, size: int) -> None:
        """Count long texts that were read, or left out because they were too long. Errors: AnswerTooLargeError."""
        self.read += size
        self.check()

    def check(self) -> None:
        """Errors: AnswerTooLargeError."""
        if self.is_exceeded:
            raise AnswerTooLargeError.beyond(self.bytes_max)


def measure(value: object) -> int:
    """At least how many bytes a value of a leaf takes in JSON: what JSON escapes isn't known before it is encoded."""
    if isinstance(value, str):
        return 2 + (len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass")))
    return 1
