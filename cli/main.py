"""The list of commands, and what surrounds each of them: signals, one-line errors, exit statuses.

Statuses: 0 done, 1 refused or failed, 2 called the wrong way, 130 stopped by Ctrl-C, 143 by SIGTERM. Being stopped is
how `serve` ends, so it is then 0 at any moment; docs/adr/0044.
"""

import logging
import os
import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from cli.failures import MISUSED, report_failure
from cli.loading import Entry, LazyGroup

INTERRUPTED, TERMINATED = 130, 143
_stops: list[int] = []
"""The signals that have told this process to stop."""

COMMANDS = (
    Entry(
        name="serve",
        place="cli.serving:serve",
        help="Serve the graph, the authorization server, health checks and metrics until stopped.",
        epilog="Example: jembatan serve --migrate --port 8000",
    ),
    Entry(
        name="demo",
        place="cli.demo:demo",
        help="Run complaints, block orders, acknowledgements and fraud signals between all parties, then keep serving.",
        epilog="Examples: jembatan demo\n\njembatan demo --exit --json",
    ),
    Entry(
        name="status",
        place="cli.status:status",
        help="Show what waits, what is late and what failed, and the state of schema, keys, log, members and clock.",
        epilog="Examples: jembatan status\n\njembatan status --json",
    ),
    Entry(
        name="statistics",
        place="cli.statistics:statistics",
        help="Show how many complaints and orders there were in a period and what has become of them by now.",
        epilog="Examples: jembatan statistics --from 2026-11-01 --to 2026-11-30\n\njembatan statistics --json",
    ),
    Entry(
        name="recount",
        place="cli.statistics:recount",
        help="Count orders and complaints anew, and tell where the running counts of totalCount and statistics differ.",
        epilog="Examples: jembatan recount\n\n"
        'jembatan recount --mend --reason "A table was loaded with triggers off; see ticket 1234."',
    ),
    Entry(
        name="doctor",
        place="cli.doctor:doctor",
        help="Check settings, database, pooler, keys, clock, disk, TLS and issuer, and say what to do.",
        epilog="Examples: jembatan doctor\n\njembatan doctor --json",
    ),
    Entry(
        name="migrate",
        place="cli.schemas:migrate",
        help="Bring the database to this version's schema, completely or not at all. Running it again is safe.",
        epilog="Examples: jembatan migrate\n\njembatan migrate --print-roles > roles.sql",
    ),
    Entry(
        name="schema",
        place="cli.schemas:schema",
        help="Print the graph as SDL, for clients and for composing a supergraph.",
        epilog="Example: jembatan schema > jembatan.graphql",
    ),
    Entry(
        name="forward",
        place="cli.forwarding:forward",
        help="Turn verified complaints into draft block orders, with a manifest for another officer to approve.",
        epilog='Example: jembatan forward --officer ana --legal-basis "PM 5/2021" --subscriber-notice "Blocked after '
        'verified complaints of fraud; appeal at the help desk."',
    ),
    Entry(
        name="schedule",
        place="cli.forwarding:schedule",
        help="Show the schedule on which the gateway itself starts forwarding runs, and when the next is due.",
        epilog="Example: jembatan schedule --json",
    ),
    Entry(
        name="follow",
        place="cli.follow.commands:follow",
        help="Print events as JSON lines, and resume automatically after every disconnection without losing any.",
        epilog="Examples: JEMBATAN_CLIENT=ID:SECRET jembatan follow orders --url https://graph.example.id "
        "--cursor-file orders.cursor\n\n"
        "JEMBATAN_CLIENT=ID jembatan follow signals --url https://graph.example.id --private-key key.json",
    ),
    Entry(
        name="sign",
        place="cli.signing:sign",
        help="Print the terms and what is agreed under them, with the hash to sign; with --hash, sign exactly that.",
        epilog="Examples: JEMBATAN_TOKEN=... jembatan sign PROPOSAL --url https://graph.example.id\n\n"
        "JEMBATAN_TOKEN=... jembatan sign PROPOSAL --url https://graph.example.id --hash 9f86d081884c7d65...",
    ),
    Entry(name="member", place="cli.members:members", help="Admit members and list them."),
    Entry(name="brand", place="cli.members:brands", help="Add brands to members and list them."),
    Entry(name="office", place="cli.members:offices", help="Add offices to members and list them."),
    Entry(
        name="officer",
        place="cli.officers:officers",
        help="Add officers with logins, invite members' own, disable and list them, and help them log in.",
    ),
    Entry(
        name="client",
        place="cli.clients:clients",
        help="Register members' systems, disable them, rotate secrets and keys.",
    ),
    Entry(name="accounts", place="cli.accounts:accounts", help="Read the accounts that complaints are about."),
    Entry(
        name="participation",
        place="cli.terms:participations",
        help="Publish and offer terms on which providers get fraud signals, record them on paper, and see who signed.",
    ),
    Entry(
        name="signals",
        place="cli.signals:signals",
        help="Maintain fraud signals, and see what members contributed and confirmed.",
    ),
    Entry(
        name="referrals",
        place="cli.referrals:referrals",
        help="Offer referrals to providers, read them, and record responses from a file.",
    ),
    Entry(
        name="numbering",
        place="cli.numbering:numbering",
        help="Load the numbering plan, and propose overrides of it.",
    ),
    Entry(name="import", place="cli.imports:imports", help="Import files."),
    Entry(
        name="evidence",
        place="cli.evidence.commands:evidence",
        help="Upload evidence and resume, download it, and make redacted extracts.",
    ),
    Entry(
        name="orders",
        place="cli.orders:orders",
        help="Export a carrier's block orders, and read what waits for an officer.",
    ),
    Entry(
        name="acknowledgements",
        place="cli.acknowledgements:acknowledgements",
        help="Import a carrier's acknowledgements from a file.",
    ),
    Entry(
        name="reassignments",
        place="cli.reassignments:reassignments",
        help="Report a carrier's reassigned numbers from a file.",
    ),
    Entry(
        name="outage",
        place="cli.outages:outages",
        help="Record when members could not reach the gateway.",
    ),
    Entry(
        name="keys",
        place="cli.keys:keys",
        help="Make encryption keys, re-encrypt under a new one, rotate the token signing key.",
    ),
    Entry(
        name="audit",
        place="cli.audit.witness:audit",
        help="Export, verify and archive the log of everything that happened; prove entries; rotate its key.",
    ),
    Entry(
        name="access",
        place="cli.accesses:accesses",
        help="Check the record of who read what against the log.",
    ),
)


class Commands(LazyGroup):
    """Every command of `jembatan`."""

    entries = COMMANDS


def _tell_version(is_asked: bool) -> None:  # noqa: FBT001 - as typer calls it
    """Print the version of the program and stop, if asked to."""
    if is_asked:
        from importlib.metadata import version

        sys.stdout.write(f"jembatan {version('jembatan')}\n")
        raise typer.Exit


def _begin(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Nothing comes before the command itself; with this the list of commands is a group."""


app = typer.Typer(
    name="jembatan",
    cls=Commands,
    callback=_begin,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Jembatan: one shared view of fraud complaints and block orders for a regulator, carriers and agencies.",
    epilog="Begin with: jembatan demo. Settings are environment variables: docs/settings.md.",
)


def main() -> NoReturn:
    """Run the entry point `jembatan`."""
    signal.signal(signal.SIGTERM, _terminate)
    # Libraries' warnings would mix with a command's own notes; `serve` configures its logs itself.
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
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
