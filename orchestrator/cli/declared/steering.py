"""Commands that steer an execution: cancel, terminate, pause, continue. None of them needs to drive the database."""

from typing import Annotated

import typer

from orchestrator.cli.declared.common import ANSWER, HEARD, By, Id, Reason, examples
from orchestrator.cli.options import command


def register(app: typer.Typer) -> None:
    """Add them."""
    _register_cancel(app)
    _register_asking(
        app,
        "terminate",
        "End an execution at once: nothing is undone, and no `finally` step runs.",
        "baton terminate 7f3c --reason 'it must not go on'",
    )
    _register_asking(
        app,
        "pause",
        "Hold an execution: nothing new starts, what runs may finish; answers are kept until it goes on.",
        "baton pause 7f3c --reason 'the bank is down'",
    )
    _register_asking(
        app,
        "continue",
        "Let a paused execution go on.",
        "baton continue 7f3c --reason 'the bank is back'",
        body="continue_",
    )


def _register_cancel(app: typer.Typer) -> None:
    @command(
        app,
        "cancel",
        "orchestrator.cli.cancel:cancel",
        rich_help_panel=ANSWER,
        epilog=examples(
            "baton cancel 7f3c --reason 'ordered twice'",
            "baton cancel 7f3c --compensate  # undo what was done",
            note=HEARD,
        ),
    )
    def cancel(
        id: Id,  # noqa: A002
        compensate: Annotated[
            bool | None,
            typer.Option(
                "--compensate/--no-compensate",
                help="Undo what was done, or leave it. [dim]Default: as the workflow's compensate_on_cancel says.[/]",
                show_default=False,
            ),
        ] = None,
        reason: Reason = None,
        by: By = None,
    ) -> None:
        """Ask an execution to end: what runs is stopped, its `finally` steps run.

        While it is being undone, this stops the undoing.
        """


def _register_asking(
    app: typer.Typer,
    name: str,
    help: str,  # noqa: A002 - Typer's word
    example: str,
    *,
    body: str | None = None,
) -> None:
    """A command that says of an execution what is to become of it, who wants that and why."""

    def asking(
        id: Id,  # noqa: A002
        reason: Reason = None,
        by: By = None,
    ) -> None: ...

    asking.__doc__ = help
    command(
        app,
        name,
        f"orchestrator.cli.cancel:{body or name}",
        rich_help_panel=ANSWER,
        epilog=examples(example, note=HEARD),
    )(asking)
