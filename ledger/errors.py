"""The errors of the ledger.

    LedgerError
    +-- InvalidInputError            BAD_USER_INPUT
    |   +-- ... one class a cause
    +-- UnknownError                 NOT_FOUND
    +-- ConflictError                CONFLICT
    +-- ForbiddenError               FORBIDDEN
    +-- CursorExpiredError           CURSOR_EXPIRED
    +-- UnavailableError             UNAVAILABLE

A class's docstring is its message; `code` is stable and never reused; `category` determines the
kind of error that the client receives. Messages contain only what the client sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar


class Category(StrEnum):
    """The kind of error that the client receives."""

    BAD_USER_INPUT = "BAD_USER_INPUT"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    FORBIDDEN = "FORBIDDEN"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one item of a bulk call was refused: a stable code, a message, the field at fault, and a hint."""

    code: str
    message: str
    field: str | None = None
    hint: str | None = None


class LedgerError(Exception):
    """The ledger refused the request."""

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
        """Use the docstring as the message unless one is given; details are sent to the client beside the code."""
        self.details = dict(details or {})
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        self.field = field
        self.hint = hint or type(self).hint
        super().__init__(self.message)

    def problem(self) -> Problem:
        """The same error as a value, for one item of a bulk result."""
        return Problem(code=self.code, message=self.message, field=self.field, hint=self.hint)


class InvalidInputError(LedgerError):
    """The input is invalid."""

    code = "INVALID_INPUT"


class TooManyItemsError(InvalidInputError):
    """The list has more items than one call accepts."""

    code = "TOO_MANY_ITEMS"
    hint = "Send at most 1,000 items in one call and repeat the call for the rest."


class NoItemsError(InvalidInputError):
    """The list is empty."""

    code = "NO_ITEMS"


class TextInvalidError(InvalidInputError):
    """The text contains characters that are not allowed."""

    code = "TEXT_INVALID"
    hint = "Remove NUL bytes, vertical tabs and other control characters, and lone surrogates."


class TextTooLongError(InvalidInputError):
    """The text is too long."""

    code = "TEXT_TOO_LONG"


class CursorInvalidError(InvalidInputError):
    """The cursor does not belong to this list."""

    code = "CURSOR_INVALID"
    hint = "Pass a cursor from pageInfo or edges of the same field with the same sort order."


class TimeInvalidError(InvalidInputError):
    """The time is invalid."""

    code = "TIME_INVALID"


class NumberInvalidError(InvalidInputError):
    """This is not a telephone number."""

    code = "NUMBER_INVALID"
    hint = "Write one number in full: +62 and the national number without its leading 0, or the number with that 0."


class NumberProtectedError(InvalidInputError):
    """The number is protected; no block order can be drafted for it."""

    code = "NUMBER_PROTECTED"


class NumberNotDomesticError(InvalidInputError):
    """The number is foreign; no domestic carrier can block it."""

    code = "NOT_DOMESTIC"


class UnknownError(LedgerError):
    """It does not exist, or you may not see it."""

    code = "NOT_FOUND"
    category = Category.NOT_FOUND


class ConflictError(LedgerError):
    """The request conflicts with the current state of what it refers to."""

    code = "CONFLICT"
    category = Category.CONFLICT


class ItemRepeatedError(ConflictError):
    """The list contains the same item twice."""

    code = "ITEM_REPEATED"


class StateConflictError(ConflictError):
    """This transition is not allowed from the current state."""

    code = "INCOMPATIBLE_STATE"


class ForbiddenError(LedgerError):
    """The caller may not do this."""

    code = "FORBIDDEN"
    category = Category.FORBIDDEN


class OfficerRequiredError(ForbiddenError):
    """Only an officer may do this, not a machine client."""

    code = "OFFICER_REQUIRED"
    hint = "Log in as an officer (authorization code) and use that token."


class FourEyesError(ForbiddenError):
    """The officer who drafted it may not approve it."""

    code = "FOUR_EYES"
    hint = "Another officer must approve it."


class CursorExpiredError(LedgerError):
    """The feed can't be resumed from this cursor: the entries after it were archived, or it belongs to another feed."""

    code = "CURSOR_EXPIRED"
    category = Category.CURSOR_EXPIRED
    hint = "Read what you missed with queries, then start again without a cursor or from oldestCursor."


class UnavailableError(LedgerError):
    """A service that this depends on is unavailable; nothing was written."""

    code = "UNAVAILABLE"
    category = Category.UNAVAILABLE


class DatabaseUnavailableError(UnavailableError):
    """The database can't be reached."""

    code = "DATABASE_UNAVAILABLE"
    hint = "Try again in a moment; writes that got no answer can be repeated safely."


class SchemaOutdatedError(UnavailableError):
    """The database schema is not the one that this version requires."""

    code = "SCHEMA_OUTDATED"
    hint = "Run `jembatan migrate`."


class EncryptionKeyError(UnavailableError):
    """The encryption keys can't decrypt the data in the database."""

    code = "ENCRYPTION_KEY_WRONG"
    hint = "Set JEMBATAN_ENCRYPTION_KEYS to the keys that the data was encrypted with."


class ReferenceKeyError(UnavailableError):
    """The reference key is not the one that this database was written with."""

    code = "REFERENCE_KEY_WRONG"
    hint = "Set JEMBATAN_REFERENCE_KEY to its first value. Another one would make two complainants of one person."
