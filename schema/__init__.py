"""The public graph: types by noun over what the resolvers give. No SQL and no rule of the domain stands here."""

# Closed lists become enums before any type names one, whichever module is imported first.
from schema import closed_lists as _enums  # noqa: F401
