"""Commands that answer and steer: approve, reject, respond, event, cancel, terminate, pause, continue, dead-letters.

None of them needs to drive the database.
"""

from typing import Annotated, Final

import typer

from orchestrator.cli.declared.common import Id, examples
from orchestrator.cli.options import command

PANEL: Final = "Answer"
_HEARD: Final = "A running engine hears it at once; without one, it is kept for the next."

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
    _register_dead_letters(app)


def _register_approve(app: typer.Typer) -> None:
    @command(
        app,
        "approve",
        "orchestrator.cli.decide:approve",
        rich_help_panel=PANEL,
        epilog=examples("baton approve 7f3c ask", "baton approve 7f3c ask --edit amount:=90", note=_HEARD),
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
        epilog=examples("baton reject 7f3c ask --reason 'too much'", note=_HEARD),
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
            note=f"It answers every open wait it matches. {_HEARD}",
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
            note=_HEARD,
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
        epilog=examples("baton terminate 7f3c --reason 'it must not go on'", note=_HEARD),
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
        epilog=examples("baton pause 7f3c --reason 'the bank is down'", note=_HEARD),
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
        epilog=examples("baton continue 7f3c", note=_HEARD),
    )
    def continue_(
        id: Id,  # noqa: A002
    ) -> None:
        """Let a paused execution go on."""


_Letters = Annotated[list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Which; see baton dead-letters.")]


def _register_dead_letters(app: typer.Typer) -> None:
    letters = typer.Typer()
    app.add_typer(letters, name="dead-letters", rich_help_panel=PANEL)

    @command(
        letters,
        "",
        "orchestrator.cli.dead_letters:dead_letters",
        invoke_without_command=True,
        epilog=examples("baton dead-letters", "baton dead-letters redrive 12", "baton dead-letters redrive --all"),
    )
    def dead_letters(
        closed: Annotated[bool, typer.Option("--closed", help="Those that were redriven or discarded, too.")] = False,
        execution: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this execution.")] = None,
    ) -> None:
        """List what failed for good and needs a person: what could not be undone, and `finally` steps that failed."""

    @command(
        letters,
        "show",
        "orchestrator.cli.dead_letters:show",
        epilog=examples("baton dead-letters show 12"),
    )
    def show(number: Annotated[int, typer.Argument(metavar="NUMBER", help="Which.")]) -> None:
        """Tell everything about one of them."""

    @command(
        letters,
        "redrive",
        "orchestrator.cli.dead_letters:redrive",
        epilog=examples("baton dead-letters redrive 12 13", "baton dead-letters redrive --all", note=_HEARD),
    )
    def redrive(
        numbers: _Letters = None,
        everything: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
        by: By = None,
    ) -> None:
        """Try them again: only what failed; what else was done or undone is not done again."""

    @command(
        letters,
        "discard",
        "orchestrator.cli.dead_letters:discard",
        epilog=examples("baton dead-letters discard 12 --reason 'paid back by hand'"),
    )
    def discard(
        numbers: _Letters = None,
        everything: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
        reason: Reason = None,
        by: By = None,
    ) -> None:
        """Close them for good: somebody saw to it."""
