"""`jembatan keys`: encryption keys, re-encryption under the first one in the settings, and the token signing key."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.acting import Reason, name_operator
from cli.printing import JsonFlag, note, print_json, print_result, show_progress

if TYPE_CHECKING:
    from cli.session import Session
    from ledger.operator_acts.recording import Operator
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.database import Transaction

keys = typer.Typer(
    no_args_is_help=True, help="Make encryption keys, re-encrypt under a new one, rotate the token signing key."
)


@keys.command("generate", epilog="Example: jembatan keys generate >> /etc/jembatan/keys.env")
def generate(*, as_json: JsonFlag = False) -> None:
    """Print fresh keys as lines of an environment file. No copy is kept."""
    import sys

    from cli.key_file import render_keys
    from ledger.storage.sealing import Keyring

    encryption_keys, reference_key = Keyring.generate_text()
    if as_json:
        print_json({"encryptionKeys": encryption_keys, "referenceKey": reference_key})
    else:
        sys.stdout.write(render_keys(encryption_keys, reference_key))
    note("The reference key never rotates: if one is in use, keep it and take only the encryption key.")


@keys.command("rotate", epilog="Example: JEMBATAN_ENCRYPTION_KEYS=new:...,old:... jembatan keys rotate")
def rotate(*, reason: Reason = None, as_json: JsonFlag = False) -> None:
    """Re-encrypt everything under the first key of JEMBATAN_ENCRYPTION_KEYS. It can be stopped and started again.

    First give every process the new key after the old one, then before it; then run this; then drop the old key.
    """
    from cli.session import read_clock, run_session
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.rekeying import rotate_keys
    from ledger.storage.roles import Role
    from migrations.metadata import metadata

    operator = name_operator(reason)

    async def work(session: "Session") -> dict[str, int]:
        # First, since the work is done in many transactions and may be interrupted.
        async with session.system(Role.TRANSITION) as tx:
            await _record(tx, operator, Act.KEYS_ROTATED)
        with show_progress("Sealing anew") as progress:
            return await rotate_keys(
                session.database,
                as_of=read_clock(),
                tables=metadata.sorted_tables,
                note=lambda _column, rows: progress.advance(rows),
            )

    sealed_anew = run_session(work)
    print_result(
        {"sealedAnew": sealed_anew},
        {name: f"{count} sealed anew" for name, count in sealed_anew.items()},
        as_json=as_json,
    )


@keys.command(
    "rotate-signing",
    epilog="Examples: jembatan keys rotate-signing\n\njembatan keys rotate-signing --withdraw-retired",
)
def rotate_signing(
    *,
    withdraw_retired: Annotated[
        bool, typer.Option("--withdraw-retired", help="For a leaked key: no retired key is accepted any more.")
    ] = False,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Sign tokens with a fresh key from now on. Tokens signed with the previous key stay valid until they expire.

    With --withdraw-retired they become invalid, and every officer and system needs a new token.
    """
    from auth.tokens.signing_keys import rotate_signing_key, withdraw_retired_keys
    from cli.session import Session, run_session
    from ledger.operator_acts.vocabulary import Act
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> dict[str, object]:
        async with session.system(Role.AUTH) as tx:
            key_id = await rotate_signing_key(tx)
            withdrawn = await withdraw_retired_keys(tx) if withdraw_retired else 0
            await _record(tx, operator, Act.SIGNING_KEY_ROTATED)
            return {"keyId": key_id, "withdrawn": withdrawn}

    rotated = run_session(work)
    print_result(rotated, as_json=as_json)
    note("Serving processes adopt it when they next read the keys (JEMBATAN_SIGNING_KEYS_REFRESH_SECONDS).")


async def _record(tx: "Transaction", operator: "Operator", act: "Act") -> None:
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act

    await record_act(tx, operator, act, subject=Subject.KEYRING, subject_id="keyring")
