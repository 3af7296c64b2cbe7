"""`baton serve`: serve runs, approvals and events over HTTP, to langgraph-sdk and to any other client.

The command is only declared here; what is slow to import comes with the body.
"""

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.options import command


def register(app: typer.Typer) -> None:
    """Add the command (entry point `baton.commands`)."""

    @command(app, "serve", "api.serve:serve")
    def serve(
        host: Annotated[
            str | None, typer.Option(help="Where to listen. [dim]Else BATON_HOST, else 127.0.0.1.[/]")
        ] = None,
        port: Annotated[
            int | None, typer.Option(help="0 picks a free one. [dim]Else BATON_PORT, else 2024.[/]", min=0, max=65535)
        ] = None,
        config: Annotated[
            Path | None,
            typer.Option(
                help="Graphs of your own to serve. [dim]Else langgraph.json of this folder, if there is one.[/]",
                dir_okay=False,
            ),
        ] = None,
    ) -> None:
        """Drive the database and serve it over HTTP until Ctrl-C.

        Everything that was under way goes on. On SIGTERM and Ctrl-C nothing new is begun, what runs may finish, and
        the rest is parked for the next start; a second Ctrl-C leaves at once.
        """
