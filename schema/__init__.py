"""The public graph: types by noun on top of the resolvers. It must contain no SQL and no domain rule."""

# Closed lists become enums before any type names one, whichever module is imported first.
from schema import closed_lists as _enums  # noqa: F401
