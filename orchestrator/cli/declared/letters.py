"""Commands for what failed for good: `baton dead-letters` and those under it."""

from typing import Annotated

import typer

from orchestrator.cli.declared.common import ANSWER, HEARD, By, OfWorkflow, Reason, examples
from orchestrator.cli.options import command

_Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Which; see baton dead-letters.")]
_Numbers = Annotated[list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Which; see baton dead-letters.")]
_All = Annotated[bool, typer.Option("--all", help="All that are open, or those of them chosen by other options.")]
_Kind = Annotated[
    str | None, typer.Option(metavar="KIND", help="Only of this kind: failure, poisoned, compensation or finally.")
]
_Code = Annotated[str | None, typer.Option(metavar="CODE", help="Only those whose error has this code.")]


def register(app: typer.Typer) -> None:
    """Add them."""
    letters = typer.Typer()
    app.add_typer(letters, name="dead-letters", rich_help_panel=ANSWER)
    _register_looking(letters)
    _register_trying_again(letters)
    _register_discard(letters)


def _register_looking(letters: typer.Typer) -> None:
    @command(
        letters,
        "",
        "orchestrator.cli.dead_letters:dead_letters",
        invoke_without_command=True,
        epilog=examples("baton dead-letters", "baton dead-letters --escalated", "baton dead-letters redrive --all"),
    )
    def dead_letters(
        closed: Annotated[bool, typer.Option("--closed", help="Those that were redriven or discarded, too.")] = False,
        execution: Annotated[str | None, typer.Option(metavar="ID", help="Only those of this execution.")] = None,
        workflow: OfWorkflow = None,
        kind: _Kind = None,
        code: _Code = None,
        escalated: Annotated[bool, typer.Option("--escalated", help="Only what people have to see to.")] = False,
    ) -> None:
        """List what failed for good and needs a person: executions that failed, what could not be undone, `finally`
        steps that failed, and what killed its process again and again."""

    command(
        letters,
        "list",
        "orchestrator.cli.dead_letters:dead_letters",
        hidden=True,
        epilog=examples("baton dead-letters list --workflow orders"),
    )(dead_letters)

    @command(letters, "show", "orchestrator.cli.dead_letters:show", epilog=examples("baton dead-letters show 12"))
    def show(number: _Number) -> None:
        """Tell everything about one of them: why, with which input, and what happened before."""


def _register_trying_again(letters: typer.Typer) -> None:
    @command(
        letters,
        "edit",
        "orchestrator.cli.dead_letters:edit",
        epilog=examples(
            "baton dead-letters edit 12 --edit amount:=90",
            """baton dead-letters edit 13 --edit 'output:={"id": "b-17"}'  # what a call gave that was cut off""",
            "baton dead-letters edit 12 --undo",
        ),
    )
    def edit(
        number: _Number,
        edit: Annotated[
            list[str] | None,
            typer.Option(metavar="K=V|K:=JSON|@FILE", help="A change to the input, key by key; may be repeated."),
        ] = None,
        undo: Annotated[bool, typer.Option("--undo", help="Take all changes back.")] = False,
        by: By = None,
    ) -> None:
        """Change the input with which a failed execution is tried again.

        Where a call was cut off, and what undoes it needs to know what it gave: say that (`output`, or the arguments
        its tool is undone with).
        """

    @command(
        letters,
        "redrive",
        "orchestrator.cli.dead_letters:redrive",
        epilog=examples(
            "baton dead-letters redrive 12 13",
            "baton dead-letters redrive --all --workflow orders --code connection_error",
            note=HEARD,
        ),
    )
    def redrive(
        numbers: _Numbers = None,
        everything: _All = False,
        workflow: OfWorkflow = None,
        kind: _Kind = None,
        code: _Code = None,
        by: By = None,
    ) -> None:
        """Try them again: only what failed, and what was undone since; what else was done is not done again."""


def _register_discard(letters: typer.Typer) -> None:
    @command(
        letters,
        "discard",
        "orchestrator.cli.dead_letters:discard",
        epilog=examples(
            "baton dead-letters discard 12 --reason 'paid back by hand'",
            "baton dead-letters discard 13 --compensate  # undo what its execution did",
        ),
    )
    def discard(
        numbers: _Numbers = None,
        everything: _All = False,
        workflow: OfWorkflow = None,
        kind: _Kind = None,
        code: _Code = None,
        compensate: Annotated[
            bool, typer.Option("--compensate", help="Undo what their executions did; nothing more of them is begun.")
        ] = False,
        reason: Reason = None,
        by: By = None,
    ) -> None:
        """Close them for good: somebody saw to it.

        An execution that was put aside, because processes died over it, has undone nothing: `--compensate` does.
        """
