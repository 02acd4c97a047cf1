"""Errors that the graph raises itself, in addition to the ledger's.

InvalidInputError                BAD_USER_INPUT
+-- OneKeyNeededError
+-- RepresentationInvalidError
"""

from ledger.errors import InvalidInputError


class OneKeyNeededError(InvalidInputError):
    """Pass either the ID or the number, but not both."""

    code = "ONE_KEY_NEEDED"


class RepresentationInvalidError(InvalidInputError):
    """The representation does not identify an entity of this graph by its key."""

    code = "REPRESENTATION_INVALID"
    hint = "Send __typename and the field of that type's @key."
