"""`jembatan demo`: the entire journey with made-up data, through the public HTTP interface; demo/ runs it."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    *,
    exit_after: Annotated[
        bool, typer.Option("--exit", help="Stop after the journey, with 0 only if every step succeeded.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Serve what the last demo left, without running it again.")
    ] = False,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Port. Unset: JEMBATAN_PORT, or any free one if that is in use."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the demo keeps its data. Unset: demo in JEMBATAN_DATA_DIR.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each step as a JSON line on stdout, for scripts.")
    ] = False,
) -> None:
    """Run complaints, block orders, acknowledgements and fraud signals between all parties, then keep serving.

    Two of them follow events, are cut off, and resume without losing any; one proves its entry in the log. The demo has
    its own embedded PostgreSQL and never touches JEMBATAN_DATABASE_URL. Its numbers are in 0890 to 0892, which no
    carrier holds, so they belong to no one. Ctrl-C ends it.
    """
    from demo.run import DemoOptions, run_demo

    if exit_after and keep:
        raise typer.BadParameter("--keep runs no journey, so there is nothing to exit after.", param_hint="--exit")
    options = DemoOptions(host=host, port=port, data_dir=data_dir, is_kept=keep, is_ended=exit_after, is_json=as_json)
    run_demo(options)
