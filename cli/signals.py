"""`jembatan signals`: derives fraud signals again, as the system."""

import typer

from cli.acting import Reason, name_operator
from cli.printing import JsonFlag, print_result, show_progress

signals = typer.Typer(no_args_is_help=True, help="Maintain fraud signals.")


@signals.command("settle", epilog="Example: jembatan signals settle")
def settle(*, reason: Reason = None, as_json: JsonFlag = False) -> None:
    """Settle the signals of every number again: after an upgrade, or when their settings changed. Safe to repeat."""
    from cli.session import Session, run_session
    from ledger.feed.vocabulary import Subject
    from ledger.operator_acts.recording import record_act
    from ledger.operator_acts.vocabulary import Act
    from ledger.signals.settling import settle_next_signals
    from ledger.storage.roles import Role

    operator = name_operator(reason)

    async def work(session: Session) -> int:
        total, last = 0, None
        with show_progress("Settling") as progress:
            while True:
                async with session.system(Role.TRANSITION) as tx:
                    if last is None:
                        await record_act(tx, operator, Act.SIGNALS_SETTLED, subject=Subject.FEED, subject_id="signals")
                    changed, last = await settle_next_signals(tx, after=last)
                if last is None:
                    return total
                total += changed
                progress.advance(changed)

    changed = run_session(work)
    print_result({"changed": changed}, {"signals changed": changed}, as_json=as_json)
