"""Commands that try out what might have been: replay, compare."""

from typing import Annotated

import typer

from orchestrator.cli.declared.common import Detach, Id, UntilRest, Watch, examples
from orchestrator.cli.declared.running import PANEL
from orchestrator.cli.options import command


def register(app: typer.Typer) -> None:
    """Add them."""
    _register_replay(app)
    _register_compare(app)


def _register_replay(app: typer.Typer) -> None:
    @command(
        app,
        "replay",
        "orchestrator.cli.replay:replay",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton replay 7f3c --from ask --model openai:gpt-5",
            "baton replay 7f3c --from 'ask[2].model' --instructions 'Be brief.'",
            note="What the record does not have is not done: a tool then fails, and its agent is told.",
        ),
    )
    def replay(
        id: Id,  # noqa: A002
        from_step: Annotated[str, typer.Option("--from", metavar="STEP", help="The first step that is made anew.")],
        model: Annotated[
            str | None, typer.Option(metavar="PROVIDER:MODEL", help="For every model that is asked anew.")
        ] = None,
        agent: Annotated[str | None, typer.Option(metavar="NAME", help="Whom that agent step is given to.")] = None,
        instructions: Annotated[str | None, typer.Option(metavar="TEXT", help="What that agent is told.")] = None,
        perform: Annotated[
            list[str] | None,
            typer.Option(
                metavar="STEP",
                help="A step that is carried out and not served: a function that only computes; may be repeated.",
            ),
        ] = None,
        watch: Watch = None,
        until_rest: UntilRest = None,
        detach: Detach = False,
    ) -> None:
        """Carry an execution out again from a step, with another model or prompt, changing nothing outside.

        A new execution: models are asked anew; services, tools, functions, decisions and events are served from the
        record. At the end it is shown what differs: path, result, cost and time.
        """


def _register_compare(app: typer.Typer) -> None:
    @command(
        app,
        "compare",
        "orchestrator.cli.compare:compare",
        rich_help_panel=PANEL,
        epilog=examples("baton compare 7f3c 91ab"),
    )
    def compare(
        left: Annotated[str, typer.Argument(metavar="ID", help="An execution.")],
        right: Annotated[str, typer.Argument(metavar="ID", help="Another one: a fork or a replay of it, say.")],
    ) -> None:
        """Show two executions side by side: path, result, cost and time."""
