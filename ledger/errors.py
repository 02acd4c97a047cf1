"""What the ledger refuses, and the words it does it with.

    LedgerError
    +-- InvalidInputError            BAD_USER_INPUT
    |   +-- ... one class a cause
    +-- UnknownError                 NOT_FOUND
    +-- ConflictError                CONFLICT
    +-- ForbiddenError               FORBIDDEN
    +-- CursorExpiredError           CURSOR_EXPIRED
    +-- UnavailableError             UNAVAILABLE

A class's docstring is its message; `code` is stable and never reused; `category` says what kind
of answer the client gets. Text is made from what the client sent and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Category(StrEnum):
    """What a refusal means to the one who asked."""

    BAD_USER_INPUT = "BAD_USER_INPUT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    FORBIDDEN = "FORBIDDEN"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Problem:
    """One item's refusal inside a bulk answer: stable code, message, the field at fault, what to do."""

    code: str
    message: str
    field: str | None = None
    hint: str | None = None


class LedgerError(Exception):
    """The ledger refused."""

    code: ClassVar[str] = "LEDGER_ERROR"
    category: ClassVar[Category] = Category.BAD_USER_INPUT
    hint: str | None = None

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the docstring as message unless a fuller one is given; details are told beside the code."""
        self.details = dict(details or {})
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        self.field = field
        self.hint = hint or type(self).hint
        super().__init__(self.message)

    def problem(self) -> Problem:
        """The same refusal as a value, for one item of a bulk answer."""
        return Problem(code=self.code, message=self.message, field=self.field, hint=self.hint)


class InvalidInputError(LedgerError):
    """The input can't be taken."""

    code = "INVALID_INPUT"


class TooManyItemsError(InvalidInputError):
    """The list holds more items than one call takes."""

    code = "TOO_MANY_ITEMS"
    hint = "Send at most 1,000 items in one call and repeat the call for the rest."


class NoItemsError(InvalidInputError):
    """The list is empty."""

    code = "NO_ITEMS"


class TextInvalidError(InvalidInputError):
    """The text holds characters that can't be stored."""

    code = "TEXT_INVALID"
    hint = "Remove NUL bytes, lone surrogates and bidirectional control characters."


class TextTooLongError(InvalidInputError):
    """The text is longer than is taken."""

    code = "TEXT_TOO_LONG"


class CursorInvalidError(InvalidInputError):
    """The cursor was not made by this list."""

    code = "CURSOR_INVALID"
    hint = "Pass a cursor from pageInfo or edges of the same field with the same sort order."


class TimeInvalidError(InvalidInputError):
    """The time can't be taken."""

    code = "TIME_INVALID"


class NumberInvalidError(InvalidInputError):
    """This is no telephone number."""

    code = "NUMBER_INVALID"
    hint = "Write the number in international form, for example +62 and the national number without its leading 0."


class NumberProtectedError(InvalidInputError):
    """The number is protected and is never ordered blocked."""

    code = "NUMBER_PROTECTED"


class NumberNotDomesticError(InvalidInputError):
    """The number is foreign; no carrier here can block it."""

    code = "NOT_DOMESTIC"


class UnknownError(LedgerError):
    """There is no such thing, or it is not yours to see."""

    code = "NOT_FOUND"
    category = Category.NOT_FOUND


class ConflictError(LedgerError):
    """The thing is not in the state that this needs."""

    code = "CONFLICT"
    category = Category.CONFLICT


class ItemRepeatedError(ConflictError):
    """The same thing stands twice in one list."""

    code = "ITEM_REPEATED"


class StateConflictError(ConflictError):
    """The move is not open from the state that the thing is in."""

    code = "INCOMPATIBLE_STATE"


class ForbiddenError(LedgerError):
    """This is not the caller's to do."""

    code = "FORBIDDEN"
    category = Category.FORBIDDEN


class OfficerRequiredError(ForbiddenError):
    """This needs an officer, never a machine."""

    code = "OFFICER_REQUIRED"
    hint = "Log in as an officer (authorization code) and use that token."


class FourEyesError(ForbiddenError):
    """The one who drafted can't approve."""

    code = "FOUR_EYES"
    hint = "Another officer approves."


class CursorExpiredError(LedgerError):
    """The feed can't be resumed from this cursor: what followed it was archived, or the feed is another one."""

    code = "CURSOR_EXPIRED"
    category = Category.CURSOR_EXPIRED
    hint = "Read what you missed with queries, then begin again without a cursor or from oldestCursor."


class UnavailableError(LedgerError):
    """A part that this needs can't be reached; nothing was written."""

    code = "UNAVAILABLE"
    category = Category.UNAVAILABLE


class DatabaseUnavailableError(UnavailableError):
    """The database can't be reached."""

    code = "DATABASE_UNAVAILABLE"
    hint = "Try again in a moment; writes that got no answer may be repeated safely."


class SchemaOutdatedError(UnavailableError):
    """The database's schema is not the one that this version needs."""

    code = "SCHEMA_OUTDATED"
    hint = "Run `jembatan migrate`."


class EncryptionKeyError(UnavailableError):
    """The encryption keys don't open what the database holds."""

    code = "ENCRYPTION_KEY_WRONG"
    hint = "Set JEMBATAN_ENCRYPTION_KEYS to the keys that this database was written with."
