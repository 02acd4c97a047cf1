"""`jembatan audit witness` and what the operator does beside it: registering witnesses, announcing a restore."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import Reason, name_operator
from cli.audit.archive import audit
from cli.printing import JsonFlag, note, print_result

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.feed.witness_table import LogRestoration, Witness

__all__ = ["audit"]

EVERY_SECONDS = 60.0


@audit.command(
    "witness",
    epilog="Examples: jembatan audit witness --generate witness.telkomsel.example --key-file witness.key\n\n"
    "JEMBATAN_CLIENT=ID:SECRET jembatan audit witness --url https://graph.example.id --key keys.txt "
    "--key-file witness.key --state-file witness.state",
)
def witness(
    *,
    key_file: Annotated[Path, typer.Option(help="The witness's private key.")],
    generate: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make the key with this name, print its public part, and exit.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The gateway's address, such as https://graph.example.id.")] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="A key of the log that you trust, or a file with one per line; may be repeated."),
    ] = None,
    state_file: Annotated[
        Path | None, typer.Option(help="File that keeps the last checkpoint; the first one is trusted.")
    ] = None,
    private_key: Annotated[
        Path | None, typer.Option(help="JWK of the client's private key, for a client that signs assertions.")
    ] = None,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two looks.")] = EVERY_SECONDS,
    once: Annotated[bool, typer.Option("--once", help="Look once, and exit.")] = False,
) -> None:
    """Watch the log for a member: check that each checkpoint continues the last, cosign it, and send the cosignature.

    It needs no database. The client, from JEMBATAN_CLIENT or JEMBATAN_TOKEN as for `follow`, needs feed:read and
    feed:witness, and the key must be registered. At a log that was rolled back or shows two histories it keeps both
    notes as evidence, cosigns nothing more, and exits with 1. Ctrl-C ends it with 0.
    """
    import asyncio
    import sys

    from cli.audit.offline import read_keys
    from cli.audit.witness_files import make_key, read_key
    from cli.audit.witnessing import WitnessAtWork
    from cli.follow.client_tokens import read_login
    from cli.follow.commands import check_url
    from cli.follow.ending import run_until_told
    from cli.follow.graph_client import GraphClient
    from cli.session import read_clock

    if generate is not None:
        sys.stdout.write(f"{make_key(key_file, generate).public.render()}\n")
        note(f"Have this key registered, give it to verifiers, and keep {key_file}: it can't be made again.")
        return
    if url is None or state_file is None or not key:
        raise typer.BadParameter("Give --url, --key and --state-file, or --generate.")
    base_url = check_url(url)
    at_work = WitnessAtWork(
        client=GraphClient(url=base_url, tokens=read_login(base_url, os.environ, private_key=private_key)),
        keys=read_keys(key),
        key=read_key(key_file),
        state_path=state_file,
        now=read_clock,
        note=note,
    )
    try:
        asyncio.run(run_until_told(at_work.run(every_seconds=every, once=once)))
    except (KeyboardInterrupt, asyncio.CancelledError):  # both are how watching is ended
        note("Stopped.")


@audit.command(
    "add-witness", epilog="Example: jembatan audit add-witness telkomsel witness.telkomsel.example+0a1b2c3d+BA..."
)
def add_witness(
    *,
    member: Annotated[str, typer.Argument(help="The member's short name.")],
    key: Annotated[str, typer.Argument(help="The witness's public key (name+id+base64).")],
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Register a member's witness; from then on the gateway takes its cosignatures."""
    from cli.lookups import get_member
    from cli.session import run_session
    from ledger.feed.vocabulary import Subject
    from ledger.feed.witnesses import WitnessDraft, register_witness
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act

    operator = name_operator(reason)

    async def work(session: "Session") -> "Witness":
        async with session.writing() as tx:
            found = await get_member(tx, member)
            made = await register_witness(tx, WitnessDraft(key=key, member_id=found.id))
            await record_act(tx, operator, Act.WITNESS_ADDED, subject=Subject.FEED, subject_id=made.id)
            return made

    made = run_session(work)
    print_result({"id": made.id, "member": member, "key": made.verifier_key}, as_json=as_json)


@audit.command(
    "retire-witness", epilog="Example: jembatan audit retire-witness witness.telkomsel.example+0a1b2c3d+BA..."
)
def retire_witness(
    *,
    key: Annotated[str, typer.Argument(help="The witness's public key (name+id+base64).")],
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Retire a witness's key: no more cosignatures are taken, and those that were remain valid."""
    from cli.session import run_session
    from ledger.feed.vocabulary import Subject
    from ledger.feed.witnesses import WitnessUnknownError, list_witnesses
    from ledger.feed.witnesses import retire_witness as retire
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act

    operator = name_operator(reason)

    async def work(session: "Session") -> "Witness":
        async with session.writing() as tx:
            for each in await list_witnesses(tx):
                if each.verifier_key == key.strip():
                    await record_act(tx, operator, Act.WITNESS_RETIRED, subject=Subject.FEED, subject_id=each.id)
                    return await retire(tx, each.id)
        raise WitnessUnknownError

    retired = run_session(work)
    print_result({"key": retired.verifier_key, "retiredAt": retired.retired_at}, as_json=as_json)


@audit.command(
    "announce-restore",
    epilog='Example: jembatan audit announce-restore --reason "Disk failure; backup of 3 May"',
)
def announce_restore(
    *,
    reason: Annotated[str, typer.Option(help="Why, for the regulator's record.")],
    position: Annotated[
        int | None, typer.Option(min=0, help="The last entry of the backup. Unset: the log's last entry now.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Announce in the log that the database was restored from a backup. Run it before any process serves again.

    Members and verifiers whose checkpoints or cursors are newer than the backup then read what happened, and which
    entries are lost. It does not make the log's two histories one: `audit verify` still exits with 1.
    """
    from cli.session import run_session
    from ledger.feed.restorations import announce_restore as announce
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act

    operator = name_operator(None)  # the reason is in the announcement itself, and may be longer than an act's

    async def work(session: "Session") -> "LogRestoration":
        async with session.writing() as tx:
            made = await announce(tx, reason=reason, operator_name=operator.account, restored_to=position)
            await record_act(tx, operator, Act.RESTORE_ANNOUNCED, subject=Subject.FEED, subject_id=made.id)
            return made

    made = run_session(work)
    told = {"restoredTo": made.restored_to, "announcedAt": made.announced_at, "operator": made.operator_name}
    print_result(told, as_json=as_json)
    note(f"Entries after {made.restored_to} from before the restore are lost to whoever holds newer checkpoints.")
