"""Commands that answer and steer: approve, reject, respond, event, cancel, terminate, pause and continue.

None of them needs to drive the database.
"""

from typing import Annotated, Final

import typer

from orchestrator.cli.declared.common import Id, examples
from orchestrator.cli.options import command

PANEL: Final = "Answer"
HEARD: Final = "A running engine hears it at once; without one, it is kept for the next."

Step = Annotated[
    str | None,
    typer.Argument(metavar="[STEP]", help="Which question; may be left out when only one is open."),
]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who decides; else the user of this machine.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")]
Data = Annotated[
    list[str] | None,
    typer.Option(metavar="K=V|K:=JSON|@FILE|JSON", help="What it carries; may be repeated."),
]


def register(app: typer.Typer) -> None:
    """Add them."""
    _register_approve(app)
    _register_reject(app)
    _register_respond(app)
    _register_event(app)
    _register_cancel(app)
    _register_terminate(app)
    _register_pause(app)
    _register_continue(app)


def _register_approve(app: typer.Typer) -> None:
    @command(
        app,
        "approve",
        "orchestrator.cli.decide:approve",
        rich_help_panel=PANEL,
        epilog=examples("baton approve 7f3c ask", "baton approve 7f3c ask --edit amount:=90", note=HEARD),
    )
    def approve(
        id: Id,  # noqa: A002
        step: Step = None,
        edit: Annotated[
            list[str] | None,
            typer.Option(
                metavar="K=V|K:=JSON|@FILE",
                help="Approve with changes: keys are changed in the payload, a file replaces it; may be repeated.",
            ),
        ] = None,
        by: By = None,
        reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")] = None,
    ) -> None:
        """Approve what a step asks, as it is or edited."""


def _register_reject(app: typer.Typer) -> None:
    @command(
        app,
        "reject",
        "orchestrator.cli.decide:reject",
        rich_help_panel=PANEL,
        epilog=examples("baton reject 7f3c ask --reason 'too much'", note=HEARD),
    )
    def reject(
        id: Id,  # noqa: A002
        step: Step = None,
        by: By = None,
        reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")] = None,
    ) -> None:
        """Reject what a step asks."""


def _register_respond(app: typer.Typer) -> None:
    @command(
        app,
        "respond",
        "orchestrator.cli.decide:respond",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton respond 7f3c ask --data name=Ada --data age:=36", "baton respond 7f3c ask --text 'any colour'"
        ),
    )
    def respond(
        id: Id,  # noqa: A002
        step: Step = None,
        data: Data = None,
        text: Annotated[str | None, typer.Option(metavar="TEXT", help="Free words in place of data.")] = None,
        by: By = None,
        reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why.")] = None,
    ) -> None:
        """Answer a step's question in words, or with a form's values."""


def _register_event(app: typer.Typer) -> None:
    @command(
        app,
        "event",
        "orchestrator.cli.event:event",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton event user.email_verified --data user_id=42",
            "baton event order.paid --data @payment.json --key pay-17  # the same key again changes nothing",
            note=f"It answers every open wait it matches. {HEARD}",
        ),
    )
    def event(
        type: Annotated[str, typer.Argument(metavar="TYPE", help="The event's type.")],  # noqa: A002
        data: Data = None,
        key: Annotated[str | None, typer.Option(metavar="KEY", help="Publish it once only.")] = None,
    ) -> None:
        """Publish an event for the steps that wait for it, now or later."""


def _register_cancel(app: typer.Typer) -> None:
    @command(
        app,
        "cancel",
        "orchestrator.cli.cancel:cancel",
        rich_help_panel=PANEL,
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


def _register_terminate(app: typer.Typer) -> None:
    @command(
        app,
        "terminate",
        "orchestrator.cli.cancel:terminate",
        rich_help_panel=PANEL,
        epilog=examples("baton terminate 7f3c --reason 'it must not go on'", note=HEARD),
    )
    def terminate(
        id: Id,  # noqa: A002
        reason: Reason = None,
        by: By = None,
    ) -> None:
        """End an execution at once: nothing is undone, and no `finally` step runs."""


def _register_pause(app: typer.Typer) -> None:
    @command(
        app,
        "pause",
        "orchestrator.cli.cancel:pause",
        rich_help_panel=PANEL,
        epilog=examples("baton pause 7f3c --reason 'the bank is down'", note=HEARD),
    )
    def pause(
        id: Id,  # noqa: A002
        reason: Reason = None,
        by: By = None,
    ) -> None:
        """Hold an execution: nothing new starts, what runs may finish; answers are kept until it goes on."""


def _register_continue(app: typer.Typer) -> None:
    @command(
        app,
        "continue",
        "orchestrator.cli.cancel:continue_",
        rich_help_panel=PANEL,
        epilog=examples("baton continue 7f3c", note=HEARD),
    )
    def continue_(
        id: Id,  # noqa: A002
    ) -> None:
        """Let a paused execution go on."""
