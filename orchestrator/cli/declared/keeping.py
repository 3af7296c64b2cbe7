"""Commands for the database file: prune, backup."""

from pathlib import Path
from typing import Annotated, Final

import typer

from graphs.state import ExecutionStatus
from orchestrator.cli.declared.common import examples
from orchestrator.cli.options import command

PANEL: Final = "Keep"


def register(app: typer.Typer) -> None:
    """Add them."""
    _register_prune(app)
    _register_backup(app)


def _register_prune(app: typer.Typer) -> None:
    @command(
        app,
        "prune",
        "orchestrator.cli.prune:prune",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton prune --older-than 30d --dry-run", "baton prune --older-than 30d --keep failed --keep cancelled"
        ),
    )
    def prune(
        older_than: Annotated[str, typer.Option(metavar="TIME", help="Ended longer ago than this: 30d, 12h.")],
        keep: Annotated[
            list[ExecutionStatus] | None,
            typer.Option(metavar="STATUS", help="But not those that ended so; may be repeated."),
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    ) -> None:
        """Delete executions that ended a while ago, with all their records. Those with open dead letters are kept."""


def _register_backup(app: typer.Typer) -> None:
    @command(
        app,
        "backup",
        "orchestrator.cli.backup:backup",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton backup /backups/baton-2026-11-20.db",
            note="The key file beside the database is not copied: keep it elsewhere.",
        ),
    )
    def backup(
        target: Annotated[Path, typer.Argument(metavar="TARGET", help="A new file.")],
    ) -> None:
        """Copy the database safely, while it is in use."""
