"""`baton demo`: real workflows on real services, an engine killed in the middle, and what to try next.

The command is only declared here; what is slow to import comes with the body.
"""

from typing import Annotated

import typer

from orchestrator.cli.lazy import load

INTERRUPTED = 130  # what shells give for a process that Ctrl-C ended


def register(app: typer.Typer) -> None:
    """Add the command (entry point `baton.commands`)."""
    app.command("demo")(demo)


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the folder with the databases, and say where it is.")
    ] = False,
    fast: Annotated[bool, typer.Option("--fast", help="Ask nobody.")] = False,
    no_kill: Annotated[bool, typer.Option("--no-kill", help="Leave the engine alone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON; the rest goes to stderr.")] = False,
    services: Annotated[bool, typer.Option("--services", help="Only start the services, until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option("--port", help="With --services: where; 0 picks a free port.")] = 8765,
) -> None:
    """Watch workflows run, lose their engine to kill -9, and finish. Needs no key and no network."""
    try:
        if services:
            code: int = load("api.demo.alone:main")(port)
        else:
            code = load("api.demo.play:main")(keep=keep, fast=fast, kill=not no_kill, as_json=as_json)
    except KeyboardInterrupt:
        typer.echo("Stopped. Every process the demo started is gone.", err=True)
        code = INTERRUPTED
    raise typer.Exit(code)
