"""`baton keys`: keys of the gateway. Only declared here; what is slow to import comes with the bodies."""

from typing import Annotated, Final

import typer

from orchestrator.cli.declared.common import examples
from orchestrator.cli.options import command

PANEL: Final = "Serve"


def register(app: typer.Typer) -> None:
    """Add the commands (entry point `baton.commands`)."""
    keys_app = typer.Typer(no_args_is_help=True)
    app.add_typer(
        keys_app, name="keys", rich_help_panel=PANEL, help="Make, list and revoke keys of the gateway (baton serve)."
    )
    _register_create(keys_app)

    @command(keys_app, "list", "api.security.keeping:list_keys")
    def list_keys() -> None:
        """List keys: whose, what they may, until when, when they were last used. Never the keys themselves."""

    @command(keys_app, "revoke", "api.security.keeping:revoke_key", epilog=examples("baton keys revoke k7qv2n4x"))
    def revoke(
        id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, or its first letters.")],  # noqa: A002
    ) -> None:
        """End a key. It opens nothing from now on, also at a gateway that runs."""


def _register_create(keys_app: typer.Typer) -> None:
    @command(
        keys_app,
        "create",
        "api.security.keeping:create_key",
        epilog=examples(
            "baton keys create --name ann --role approver --group finance",
            "baton keys create --name eve --role approver --role viewer",
            "baton keys create --name ci --role operator --scope run --expires 90d --tenant acme",
        ),
    )
    def create(
        name: Annotated[str, typer.Option(metavar="NAME", help="Who uses it: kept beside what they decide.")],
        role: Annotated[
            list[str],
            typer.Option(metavar="ROLE", help="viewer, operator, approver, editor or admin; may be repeated."),
        ],
        scope: Annotated[
            list[str] | None,
            typer.Option(metavar="RIGHT", help="Leave it only this right of its role; may be repeated."),
        ] = None,
        group: Annotated[
            list[str] | None,
            typer.Option(metavar="GROUP", help="A group whose approvals its user may decide; may be repeated."),
        ] = None,
        expires: Annotated[
            str | None, typer.Option(metavar="IN", help="When it ends: 12h, 90d. [dim]Else never.[/]")
        ] = None,
    ) -> None:
        """Make a key, and print it once: it is not kept, and cannot be shown again."""
