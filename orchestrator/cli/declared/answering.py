"""Commands that answer: approve, reject, respond, event. None of them needs to drive the database."""

from typing import Annotated

import typer

from orchestrator.cli.declared.common import ANSWER, HEARD, By, Id, Reason, examples
from orchestrator.cli.options import command

Step = Annotated[
    str | None,
    typer.Argument(metavar="[STEP]", help="Which question; may be left out when only one is open."),
]
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


def _register_approve(app: typer.Typer) -> None:
    @command(
        app,
        "approve",
        "orchestrator.cli.decide:approve",
        rich_help_panel=ANSWER,
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
        reason: Reason = None,
    ) -> None:
        """Approve what a step asks, as it is or edited."""


def _register_reject(app: typer.Typer) -> None:
    @command(
        app,
        "reject",
        "orchestrator.cli.decide:reject",
        rich_help_panel=ANSWER,
        epilog=examples("baton reject 7f3c ask --reason 'too much'", note=HEARD),
    )
    def reject(
        id: Id,  # noqa: A002
        step: Step = None,
        by: By = None,
        reason: Reason = None,
    ) -> None:
        """Reject what a step asks."""


def _register_respond(app: typer.Typer) -> None:
    @command(
        app,
        "respond",
        "orchestrator.cli.decide:respond",
        rich_help_panel=ANSWER,
        epilog=examples(
            "baton respond 7f3c ask --data name=Ada --data age:=36",
            "baton respond 7f3c ask --text 'any colour'",
            note=HEARD,
        ),
    )
    def respond(
        id: Id,  # noqa: A002
        step: Step = None,
        data: Data = None,
        text: Annotated[str | None, typer.Option(metavar="TEXT", help="Free words in place of data.")] = None,
        by: By = None,
        reason: Reason = None,
    ) -> None:
        """Answer a step's question in words, or with a form's values."""


def _register_event(app: typer.Typer) -> None:
    @command(
        app,
        "event",
        "orchestrator.cli.event:event",
        rich_help_panel=ANSWER,
        epilog=examples(
            "baton event user.email_verified --data user_id=42",
            "baton event order.paid --data @payment.json --id pay-17  # the same id again changes nothing",
            note=f"It answers the oldest wait it matches of each execution, and is kept for later ones. {HEARD}",
        ),
    )
    def event(
        type: Annotated[str, typer.Argument(metavar="TYPE", help="The event's type.")],  # noqa: A002
        data: Data = None,
        key: Annotated[str | None, typer.Option(metavar="KEY", help="What it is about; waits may ask for it.")] = None,
        id: Annotated[  # noqa: A002
            str | None, typer.Option(metavar="ID", help="Its own name: publish it once only.")
        ] = None,
    ) -> None:
        """Publish an event for the steps that wait for it, now or later."""
