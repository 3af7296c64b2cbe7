"""Commands that carry executions out: run, resume, retry, fork, engine."""

from typing import Annotated, Final

import typer

from orchestrator.cli.declared.common import Detach, Id, Key, NewId, UntilRest, Watch, WhichVersion, examples
from orchestrator.cli.options import command

PANEL: Final = "Run"

Edit = Annotated[
    list[str] | None,
    typer.Option(metavar="K=V|K:=JSON|@FILE", help="A change to the input, key by key; may be repeated."),
]
EditStep = Annotated[
    list[str] | None,
    typer.Option(metavar="K=V|K:=JSON|@FILE", help="A change to what that step is given; may be repeated."),
]
Model = Annotated[str | None, typer.Option(metavar="PROVIDER:MODEL", help="For every model that is asked anew.")]


def register(app: typer.Typer) -> None:
    """Add them."""
    _register_run(app)
    _register_resume(app)
    _register_retry(app)
    _register_fork(app)
    _register_engine(app)


def _register_run(app: typer.Typer) -> None:
    @command(
        app,
        "run",
        "orchestrator.cli.run:run",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton run refund.yaml --input order=A-1 --input amount:=20",
            "baton run refund@1.2 --input @order.json --key order-17",
            "baton run refund.yaml --json --until-rest | jq .execution.status",
            note="First Ctrl-C: running steps may finish, the rest is parked, and baton resume goes on. "
            "Second Ctrl-C: leaves at once; nothing finished is lost.",
        ),
    )
    def run(
        target: Annotated[
            str, typer.Argument(metavar="FILE|NAME[@VERSION]", help="A definition, or what one is published as.")
        ],
        given: Annotated[
            list[str] | None,
            typer.Option(
                "--input",
                "-i",
                metavar="K=V|K:=JSON|@FILE|-",
                help="Input: text, a JSON value, a JSON file, or JSON from standard input; may be repeated.",
            ),
        ] = None,
        version: WhichVersion = None,
        id: NewId = None,  # noqa: A002
        key: Key = None,
        metadata: Annotated[
            list[str] | None, typer.Option(metavar="K=V", help="Kept with the execution; may be repeated.")
        ] = None,
        watch: Watch = None,
        until_rest: UntilRest = None,
        detach: Detach = False,
    ) -> None:
        """Start a workflow and carry it out, step by step, until it ends.

        What is finished is kept: when the process dies, `baton resume` goes on from there. When another engine drives
        the database, that one carries it out, and this command watches.
        """


def _register_resume(app: typer.Typer) -> None:
    @command(
        app,
        "resume",
        "orchestrator.cli.resume:resume",
        rich_help_panel=PANEL,
        epilog=examples("baton resume 7f3c", "baton resume  # everything that is unfinished"),
    )
    def resume(
        id: Annotated[  # noqa: A002
            str | None, typer.Argument(metavar="[ID]", help="The execution; without it, all unfinished ones.")
        ] = None,
        watch: Watch = None,
        until_rest: UntilRest = None,
        detach: Detach = False,
    ) -> None:
        """Go on with what was interrupted, killed or parked, until it ends or rests."""


def _register_retry(app: typer.Typer) -> None:
    @command(
        app,
        "retry",
        "orchestrator.cli.retry:retry",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton retry 7f3c  # every step that failed",
            "baton retry 7f3c --from charge --again  # charge once more, under a new idempotency key",
            "baton retry 7f3c --from 'orders[3].charge' --newest",
            "baton retry 7f3c --from charge --edit-step amount:=12.5",
            "baton retry 7f3c --from ask --model openai:gpt-5",
        ),
    )
    def retry(
        id: Id,  # noqa: A002
        from_step: Annotated[
            str | None, typer.Option("--from", metavar="STEP", help="Make this step anew, and all that follows it.")
        ] = None,
        again: Annotated[
            bool,
            typer.Option(
                "--again",
                help="New idempotency keys: services do once more what they did. Without it, those that honour keys "
                "give their old answer. After an undoing, and with an edit, keys are always new.",
            ),
        ] = False,
        newest: Annotated[
            bool, typer.Option("--newest", help="On the newest published definition, not the one it began with.")
        ] = False,
        edit: Edit = None,
        edit_step: EditStep = None,
        model: Model = None,
        watch: Watch = None,
        until_rest: UntilRest = None,
        detach: Detach = False,
    ) -> None:
        """Go on in the same execution from a step that failed, or from any other.

        With an edited input or another model, what is made anew goes under new idempotency keys.
        """


def _register_fork(app: typer.Typer) -> None:
    @command(
        app,
        "fork",
        "orchestrator.cli.fork:fork",
        rich_help_panel=PANEL,
        epilog=examples("baton fork 7f3c --at ship --edit carrier=fast --edit insured:=true"),
    )
    def fork(
        id: Id,  # noqa: A002
        at: Annotated[str, typer.Option("--at", "--from", metavar="STEP", help="The first step that is made anew.")],
        new_id: NewId = None,
        edit: Edit = None,
        edit_step: EditStep = None,
        model: Model = None,
        newest: Annotated[bool, typer.Option("--newest", help="On the newest published definition.")] = False,
        watch: Watch = None,
        until_rest: UntilRest = None,
        detach: Detach = False,
    ) -> None:
        """Start a new execution with this one's results up to a step, and another input."""


def _register_engine(app: typer.Typer) -> None:
    @command(
        app,
        "engine",
        "orchestrator.cli.engine:engine",
        rich_help_panel=PANEL,
        epilog=examples(
            "baton engine --module flows.py --service billing=https://billing.internal",
            note="Ctrl-C or SIGTERM: running steps may finish, the rest is parked. Exit code 0.",
        ),
    )
    def engine() -> None:
        """Drive the database until Ctrl-C: carries out whatever other commands start, and hears their answers."""

    command(app, "work", "orchestrator.cli.engine:engine", hidden=True)(engine)
