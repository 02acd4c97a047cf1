"""The command line: `jembatan`. One module per noun; each command calls the ledger or auth and decides nothing itself.

Results go to stdout (`--json` for scripts), everything else to stderr. It never shows a traceback and takes no secret
as an argument.
"""

from cli.entry import main

__all__ = ["main"]
