"""`jembatan access`: whether the record of who read what is still what the log committed to."""

from typing import TYPE_CHECKING

import typer

from cli.failures import CommandError
from cli.printing import JsonFlag, print_result

if TYPE_CHECKING:
    from ledger.access_records.sealing import SealBroken

accesses = typer.Typer(no_args_is_help=True, help="Check the record of who read what against the log.")


class AccessRecordsAlteredError(CommandError):
    """The record of who read what is not what the log committed to."""

    code = "ACCESS_RECORDS_ALTERED"
    hint = "Keep the database as it is; `jembatan audit verify` tells whether the log itself is intact."


@accesses.command("verify", epilog="Example: jembatan access verify")
def verify(*, as_json: JsonFlag = False) -> None:
    """Compare the record of who read what, hour by hour, with the log's own entries about it."""
    from cli.session import Session, run_session
    from ledger.access_records.sealing import verify_access_seals
    from ledger.storage.roles import Role

    async def work(session: Session) -> "SealBroken | None":
        async with session.system(Role.REGULATOR) as tx:
            return await verify_access_seals(tx)

    broken = run_session(work)
    if broken is not None:
        where = f"Seal {broken.seal_id}: " if broken.seal_id is not None else ""
        raise AccessRecordsAlteredError(f"{where}{broken.reason}")
    print_result({"verdict": "GOOD"}, as_json=as_json)
