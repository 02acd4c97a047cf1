"""`jembatan follow`: a subscription as lines of JSON, resumed automatically. It is a client and needs no database."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from cli.failures import FileUnreadableError
from cli.printing import note

if TYPE_CHECKING:
    from cli.follow.subscriber import Event

_DOCUMENT_BYTES_MAX = 65_536
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Followed(StrEnum):
    """What can be followed without a document of your own."""

    ORDERS = "orders"
    REFERRALS = "referrals"
    COMPLAINTS = "complaints"
    SIGNALS = "signals"
    PARTICIPATIONS = "participations"
    FEED = "feed"


DOCUMENTS = {
    Followed.ORDERS: """subscription Orders { blockRequestEvents { cursor event {
  position kind recordedAt orderNo version state dueAt acknowledgement reason isLate liftBasis extensionState
  blockOrder { id e164 category scope summary state dueAt }
} } }""",
    Followed.REFERRALS: """subscription Referrals { referralEvents { cursor event {
  position kind recordedAt referralNo state response action ground declineReason withdrawalReason
  referral { id e164 account { platform platformName handle url } category incidentOn summary state replyHopedBy }
} } }""",
    Followed.COMPLAINTS: """subscription Complaints { complaintEvents { cursor event {
  position kind recordedAt complaintId category medium state decision reason outcome
  complaint { id ticketNo sourceReference }
} } }""",
    Followed.SIGNALS: """subscription Signals { fraudSignals { cursor event {
  position kind recordedAt signalId category risk riskBefore state revokedReason
  signal { e164 hashes { keyId hash } validUntil }
} } }""",
    Followed.PARTICIPATIONS: """subscription Participations { participationEvents { cursor event {
  position kind recordedAt participationId proposalId termsId participationState proposalState endedReason party
  contentHash termsHash
} } }""",
    Followed.FEED: """subscription Feed { feed { cursor entry {
  position leafHash kind subject subjectId state recordedAt text salt
} } }""",
}


def follow(
    *,
    what: Annotated[
        Followed | None,
        typer.Argument(metavar="[orders|referrals|complaints|signals|participations|feed]", help="What to follow."),
    ] = None,
    url: Annotated[str, typer.Option(help="The gateway's address, such as https://graph.example.id.")],
    document: Annotated[
        Path | None, typer.Option(help="A file with your own subscription, instead of one of these.")
    ] = None,
    cursor_file: Annotated[
        Path | None, typer.Option(help="File that keeps the cursor to resume from; without it, following begins now.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Begin after this cursor, if the file has none.")] = None,
    private_key: Annotated[
        Path | None, typer.Option(help="JWK of the client's private key, for a client that signs assertions.")
    ] = None,
    exit_after: Annotated[int | None, typer.Option(min=1, help="Exit with 0 after this many events.")] = None,
) -> None:
    """Print events as JSON lines, and resume automatically after every disconnection without losing any.

    The client's id and secret are read from JEMBATAN_CLIENT (ID:SECRET, or only the ID with --private-key), and its
    tokens are obtained and renewed; or JEMBATAN_TOKEN contains a token, which is used until it expires. Events go to
    stdout, notes to stderr. Ctrl-C ends it with 0.
    """
    import asyncio

    from cli.follow.client_tokens import read_login
    from cli.follow.cursor_file import CursorFile
    from cli.follow.ending import run_until_told
    from cli.follow.subscriber import Subscriber

    keeper = CursorFile(cursor_file) if cursor_file is not None else None
    base_url = check_url(url)
    subscriber = Subscriber(
        url=base_url,
        document=_choose_document(what, document),
        tokens=read_login(base_url, os.environ, private_key=private_key),
        hand_on=_print_event,
        note=note,
        keeper=keeper,
        cursor=(keeper.read() if keeper is not None else None) or after,
    )
    try:
        asyncio.run(run_until_told(subscriber.run(count_max=exit_after)))
    except (KeyboardInterrupt, asyncio.CancelledError):  # both are how following is ended
        note(f"Stopped after {subscriber.count} events.")


def _print_event(event: "Event") -> None:
    """Print the message as the graph sends it, cursor first, flushed before the cursor is kept."""
    import sys

    import orjson

    sys.stdout.write(orjson.dumps({"cursor": event.cursor, **event.value}).decode() + "\n")
    sys.stdout.flush()


def _choose_document(what: Followed | None, document: Path | None) -> str:
    if (what is None) == (document is None):
        raise typer.BadParameter("Name what to follow, or give a --document.", param_hint="WHAT")
    if document is None:
        return DOCUMENTS[Followed(what or "")]
    try:
        with document.open(encoding="utf-8") as stream:
            return stream.read(_DOCUMENT_BYTES_MAX)
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadableError(f"{document} can't be read.") from error


def check_url(url: str) -> str:
    """Return the base URL without a trailing slash; since credentials are sent to it, only loopback may use http."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise typer.BadParameter("It must look like https://graph.example.id.", param_hint="--url")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise typer.BadParameter("Credentials are sent to it, so it must begin with https.", param_hint="--url")
    return url.rstrip("/").removesuffix("/graphql")
