"""`jembatan audit`: exports and proofs of this installation's log, and the keys that sign it.

Verification is in offline.py and needs none of this.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import Reason, name_operator
from cli.printing import JsonFlag, note, print_json, print_record, print_result, show_progress

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.feed.bundles import Bundle
    from ledger.feed.table import CheckpointKey, StoredCheckpoint

audit = typer.Typer(
    no_args_is_help=True,
    help="Export, verify and archive the log of everything that happened; prove entries; rotate its key.",
)

OutOption = Annotated[Path, typer.Option("--out", help="The file to write; .gz compresses. It must not exist yet.")]


@audit.command("checkpoint", epilog="Example: jembatan audit checkpoint > checkpoint-$(date +%F).txt")
def checkpoint(
    *,
    cosigned: Annotated[
        bool, typer.Option("--cosigned", help="With the witnesses' cosignatures beside the log's signatures.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print the newest signed checkpoint. Keep it: a later export is verified against it."""
    import sys

    from cli.session import run_session
    from ledger.feed.checkpoints import find_checkpoint
    from ledger.feed.export import NothingSignedError
    from ledger.feed.notes import SIGNATURES_MAX
    from ledger.feed.witnesses import cosign_note, load_cosignatures
    from ledger.storage.roles import Role

    async def work(session: "Session") -> "tuple[StoredCheckpoint, str]":
        async with session.system(Role.ARCHIVE) as tx:
            found = await find_checkpoint(tx)
            if found is None:
                raise NothingSignedError
            lines = (await load_cosignatures(tx, [found.tree_size])).get(found.tree_size, [])
        return found, cosign_note(found.note, lines, lines_max=SIGNATURES_MAX) if cosigned else found.note

    latest, text = run_session(work)
    if as_json:
        signed = {"treeSize": latest.tree_size, "rootHash": latest.root_hash.hex(), "note": text}
        print_json(signed | {"signedAt": latest.signed_at})
        return
    # Byte for byte, since the signature covers these bytes.
    sys.stdout.write(text)


@audit.command("keys", epilog="Example: jembatan audit keys > keys.txt")
def keys(*, as_json: JsonFlag = False) -> None:
    """Print the keys that sign or signed checkpoints, one per line, oldest first: a file that --key reads.

    Retired keys are among them, since what they signed remains valid.
    """
    import sys

    from cli.session import run_session
    from ledger.feed.checkpoints import list_verifier_keys
    from ledger.storage.roles import Role

    async def work(session: "Session") -> "list[CheckpointKey]":
        async with session.system(Role.ARCHIVE) as tx:
            return await list_verifier_keys(tx)

    found = run_session(work)
    if as_json:
        print_json(found)
        return
    for key in found:
        sys.stdout.write(f"{key.verifier_key}\n")
        if key.retired_at is not None:
            note(f"{key.verifier_key.split('+')[1]} was retired on {key.retired_at:%Y-%m-%d}.")


@audit.command("rotate-key", epilog="Examples: jembatan audit rotate-key\n\njembatan audit rotate-key --retire-older")
def rotate_key(
    *,
    retire_older: Annotated[
        bool, typer.Option("--retire-older", help="End the overlap: only the newest key signs from then on.")
    ] = False,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a key for signing checkpoints beside the current one: both sign until the older one is retired.

    First add the key and publish it; once everyone who verifies has it, retire the older one. What the older key signed
    remains valid.
    """
    from cli.session import run_session
    from ledger.feed.checkpoints import add_checkpoint_key, find_checkpoint, retire_older_checkpoint_keys
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)
    act = Act.CHECKPOINT_KEYS_RETIRED if retire_older else Act.CHECKPOINT_KEY_ADDED

    async def work(session: "Session") -> dict[str, object]:
        async with session.system(Role.SEQUENCER) as tx:
            latest = await find_checkpoint(tx)
            origin = latest.origin if latest is not None else session.settings.feed_origin
            await record_act(tx, operator, act, subject=Subject.KEYRING, subject_id="feed")
            if retire_older:
                return {"retired": await retire_older_checkpoint_keys(tx, origin=origin)}
            return {"added": await add_checkpoint_key(tx, origin=origin)}

    changed = run_session(work)
    print_result(changed, as_json=as_json)
    note("It takes effect with the next checkpoint, which a serving process signs within seconds.")


@audit.command(
    "export",
    epilog="Examples: jembatan audit export --out feed.jsonl.gz\n\n"
    "jembatan audit export --out may.jsonl --after 120000 --until 180000",
)
def export(
    *,
    out: OutOption,
    after: Annotated[int, typer.Option(min=0, help="Begin after this position.")] = 0,
    until: Annotated[
        int | None, typer.Option(min=1, help="The last position. Unset: everything that is signed.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write every entry, with all that its hash is computed from, and the checkpoints, as lines of JSON.

    The file shows who acted and who may read each entry: it is for the regulator, and only you can read it. It is
    written completely or not at all.
    """
    from cli.session import run_session

    async def work(session: "Session") -> dict[str, object]:
        return await write_export(session, out, after=after, until=until)

    written = run_session(work)
    if as_json:
        print_json(written)
        return
    print_record(written)
    note(f"Verify it anywhere with: jembatan audit verify {out} --key KEY (see `jembatan audit keys`).")


async def write_export(session: "Session", out: Path, *, after: int, until: int | None) -> dict[str, object]:
    """Write an export of the positions after + 1 to until. Errors: FileUnwritableError, those of open_export."""
    from cli.audit.streams import write_chunks
    from cli.session import read_clock
    from ledger.feed.export import Range, open_export

    async with open_export(session.database, Range(after=after, until=until), now=read_clock) as opened:
        header = opened.header
        with show_progress("Exporting", total=header.until - header.after) as progress:
            await write_chunks(out, opened.render(note=progress.move))
    return {"file": str(out), "origin": header.origin, "first": header.after + 1, "last": header.until}


@audit.command("proof", epilog="Example: jembatan audit proof --position 4711 --out proof-4711.json")
def proof(
    *,
    position: Annotated[int, typer.Option(min=1, help="The entry's position in the log.")],
    out: OutOption,
    as_json: JsonFlag = False,
) -> None:
    """Write a bundle that proves one entry to anyone, and no other: its text, its path in the tree and a checkpoint.

    It doesn't reveal who acted or who may read the entry.
    """
    from cli.audit.streams import write_content
    from cli.session import run_session
    from ledger.feed.bundles import render_bundle
    from ledger.feed.export import make_bundle
    from ledger.storage.roles import Role

    async def work(session: "Session") -> "Bundle":
        async with session.system(Role.ARCHIVE) as tx:
            return await make_bundle(tx, position)

    made = run_session(work)
    write_content(out, render_bundle(made))
    summary = {"file": str(out), "position": position, "treeSize": made.tree_size, "hasContent": made.entry is not None}
    print_result(summary, as_json=as_json)
