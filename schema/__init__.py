"""The public graph: types by noun over what the resolvers give. No SQL and no rule of the domain stands here."""

# The enums are described before any type that uses them is built, whichever module is imported first.
from schema import vocabulary as _described  # noqa: F401
