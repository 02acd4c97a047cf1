"""What the graph itself refuses, beside what the ledger does.

InvalidInputError                BAD_USER_INPUT
+-- OneKeyNeededError
+-- RepresentationInvalidError
"""

from ledger.errors import InvalidInputError


class OneKeyNeededError(InvalidInputError):
    """Name the thing by its id or by its number: exactly one of them."""

    code = "ONE_KEY_NEEDED"


class RepresentationInvalidError(InvalidInputError):
    """The representation names no entity of this graph, or not by its key."""

    code = "REPRESENTATION_INVALID"
    hint = "Send __typename and the field of that type's @key."
