"""`jembatan keys`: encryption keys, re-encryption under the first of the settings, and the key that signs tokens."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.printing import JsonFlag, note, print_json, print_result, show_progress

if TYPE_CHECKING:
    from cli.session import Session

keys = typer.Typer(
    no_args_is_help=True, help="Make encryption keys, re-encrypt under a new one, renew the key of tokens."
)


@keys.command("generate", epilog="Example: jembatan keys generate >> /etc/jembatan/keys.env")
def generate(*, as_json: JsonFlag = False) -> None:
    """Print fresh keys as lines of an environment file. Nothing keeps a copy."""
    import sys

    from cli.key_file import render_keys
    from ledger.storage.sealing import Keyring

    encryption_keys, reference_key = Keyring.generate_text()
    if as_json:
        print_json({"encryptionKeys": encryption_keys, "referenceKey": reference_key})
    else:
        sys.stdout.write(render_keys(encryption_keys, reference_key))
    note("The reference key never rotates: where one is in use, keep it and take the encryption key alone.")


@keys.command("rotate", epilog="Example: JEMBATAN_ENCRYPTION_KEYS=new:...,old:... jembatan keys rotate")
def rotate(*, as_json: JsonFlag = False) -> None:
    """Seal everything under the first key of JEMBATAN_ENCRYPTION_KEYS. It may be stopped and started again.

    First give every process the new key behind the old one, then in front of it; then run this; then drop the old.
    """
    from cli.session import read_clock, run_session
    from ledger.storage.rekeying import rotate_keys
    from migrations.metadata import metadata

    async def work(session: "Session") -> dict[str, int]:
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
        bool, typer.Option("--withdraw-retired", help="For a key that leaked: no retired key is taken any more.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Sign tokens with a fresh key from now on. Tokens of the key before stay good until they expire.

    With --withdraw-retired they end, and every officer and system needs another token.
    """
    from auth.tokens.signing_keys import rotate_signing_key, withdraw_retired_keys
    from cli.session import Session, run_session
    from ledger.storage.roles import Role

    async def work(session: Session) -> dict[str, object]:
        async with session.system(Role.AUTH) as tx:
            key_id = await rotate_signing_key(tx)
            return {"keyId": key_id, "withdrawn": await withdraw_retired_keys(tx) if withdraw_retired else 0}

    rotated = run_session(work)
    print_result(rotated, as_json=as_json)
    note("Processes that serve take it over when they next read the keys (JEMBATAN_SIGNING_KEYS_REFRESH_SECONDS).")
