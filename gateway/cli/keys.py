"""`jembatan keys`: fresh encryption keys, and re-encryption under the first one of the settings."""

from typing import TYPE_CHECKING

import typer

from gateway.cli.printing import JsonFlag, note, print_json, print_record, show_progress

if TYPE_CHECKING:
    from gateway.cli.session import Session

keys = typer.Typer(no_args_is_help=True, help="Make encryption keys, and re-encrypt under a new one.")


@keys.command("generate", epilog="Example: jembatan keys generate >> /etc/jembatan/keys.env")
def generate(*, as_json: JsonFlag = False) -> None:
    """Print fresh keys as lines of an environment file. Nothing keeps a copy."""
    import sys

    from gateway.cli.key_file import render_keys
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
    from auth.sealed_columns import AUTH_SEALED
    from gateway.cli.session import read_clock, run_session
    from ledger.keyring import LEDGER_SEALED, rotate_keys

    async def work(session: "Session") -> dict[str, int]:
        with show_progress("Sealing anew") as progress:
            return await rotate_keys(
                session.database,
                as_of=read_clock(),
                columns=(*LEDGER_SEALED, *AUTH_SEALED),
                note=lambda _column, rows: progress.advance(rows),
            )

    sealed_anew = run_session(work)
    if as_json:
        print_json({"sealedAnew": sealed_anew})
    else:
        print_record({name: f"{count} sealed anew" for name, count in sealed_anew.items()})
