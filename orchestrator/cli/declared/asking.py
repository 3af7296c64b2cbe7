"""Commands for requests that name no workflow: ask, save."""

from typing import Annotated, Final, Literal

import typer

from orchestrator.cli.declared.common import Detach, Id, Key, NewId, UntilRest, Watch, examples
from orchestrator.cli.options import command

PANEL: Final = "Ask"


def register(app: typer.Typer) -> None:
    """Add them."""
    _register_ask(app)
    _register_save(app)


def _register_ask(app: typer.Typer) -> None:
    @command(
        app,
        "ask",
        "orchestrator.cli.ask:ask",
        rich_help_panel=PANEL,
        epilog=examples(
            'baton ask "Which of our orders are late, and why?"',
            'baton ask "Refund A-7 and tell the customer" --save refund_and_tell',
            "baton ask - --route plan --model openai:gpt-5-mini < request.txt",
            note="The model is BATON_MODEL's, or --model's. What the assistant may use: BATON_ASSISTANT.",
        ),
    )
    def ask(
        request: Annotated[list[str], typer.Argument(metavar="REQUEST", help="What is asked; - reads it.")],
        model: Annotated[str | None, typer.Option(metavar="PROVIDER:MODEL", help="Else BATON_MODEL.")] = None,
        facts: Annotated[
            list[str] | None,
            typer.Option("--context", "-c", metavar="K=V|K:=JSON|@FILE", help="Further facts; may be repeated."),
        ] = None,
        route: Annotated[
            Literal["auto", "answer", "plan"], typer.Option(help="How it is carried out; else a model decides.")
        ] = "auto",
        review: Annotated[
            bool, typer.Option("--review", help="Ask about every plan, also one that changes nothing.")
        ] = False,
        replans: Annotated[
            int | None,
            typer.Option(min=0, max=10, help="How often what is left of a plan that fails is planned anew; 0: never."),
        ] = None,
        save: Annotated[
            str | None,
            typer.Option(metavar="NAME[@VERSION]", help="Publish the plan under this name when it has run."),
        ] = None,
        id: NewId = None,  # noqa: A002
        key: Key = None,
        watch: Watch = None,
        until_rest: UntilRest = None,
        detach: Detach = False,
    ) -> None:
        """Have a request answered: at once, by the workflow that fits it, or by one that a model plans for it.

        A plan that changes anything is shown first: approve it, edit it, say what is wanted instead, or reject it. All
        of it is an execution like any other, so nothing that was planned or done is lost or paid for twice.
        """


def _register_save(app: typer.Typer) -> None:
    @command(
        app,
        "save",
        "orchestrator.cli.ask:save",
        rich_help_panel=PANEL,
        epilog=examples("baton save 7f3c refund_and_tell@1.1  # then: baton run refund_and_tell --input order=A-8"),
    )
    def save(
        id: Id,  # noqa: A002
        name: Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="What it is published as.")],
    ) -> None:
        """Publish the plan that was made for a request, to run it again with another input."""
