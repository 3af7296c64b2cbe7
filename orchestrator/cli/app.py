"""The command line as one Typer app."""

import sys
from importlib.metadata import version as version_of
from typing import Annotated, Any, Final

import typer

from graphs.errors import BatonError, InputError
from orchestrator.cli.declared import (
    answering,
    asking,
    defining,
    keeping,
    letters,
    looking,
    replaying,
    running,
    steering,
)
from orchestrator.cli.exits import MEANINGS, Exit
from orchestrator.cli.lazy import OpenGroup
from orchestrator.cli.options import Shared, command, tell

# By its version, Typer brings a Click of its own or uses the installed one.
_UsageError: Final[type[Exception]] = typer.BadParameter.__mro__[1]

_EXITS: Final = "\n".join(f"  [bold]{int(code):>3}[/]  {meaning}" for code, meaning in MEANINGS.items())
_EPILOG: Final = f"""[bold]Begin with[/]
  baton demo  [dim]# watch workflows run, lose their engine to kill -9, and finish[/]
  baton validate FILE.yaml
  baton run FILE.yaml --input name=value
  baton list

[bold]Exit codes[/]
{_EXITS}"""


def invoke() -> None:
    """Carry out what the process was started with; ends the process."""
    shared = Shared(as_json="--json" in sys.argv, debug="--debug" in sys.argv)
    try:
        # Typer prints what is wrong with a command line in a box for people; for programs we do it ourselves.
        code = typer.main.get_command(make_app())(prog_name="baton", standalone_mode=not shared.as_json)
    except _UsageError as error:
        tell(InputError(_sentence(error), hint="See what there is: add --help.", code="usage"), shared)
        raise SystemExit(Exit.USAGE) from None
    except (BatonError, OSError) as error:  # a command of another package, or help that could not be printed
        raise SystemExit(tell(error, shared)) from None
    raise SystemExit(code)


def _sentence(error: Any) -> str:
    words: str = error.format_message()
    return f"{words.rstrip('.')}."


def make_app() -> typer.Typer:
    """The app, with every command declared and none of their bodies loaded."""
    app = typer.Typer(cls=OpenGroup, rich_markup_mode="rich")
    _register_callback(app)
    for commands in (running, replaying, asking, looking, answering, steering, letters, defining, keeping):
        commands.register(app)
    return app


def _register_callback(app: typer.Typer) -> None:
    @command(
        app,
        "",
        "",  # it has no body of its own: some command is always invoked
        no_args_is_help=True,
        epilog=_EPILOG,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    def baton(
        version: Annotated[
            bool, typer.Option("--version", help="Print Baton's version.", callback=_print_version, is_eager=True)
        ] = False,
    ) -> None:
        """Run agent workflows that must not be lost.

        Every finished step is kept in one SQLite file. One process drives it at a time; any other may look, answer,
        publish events and cancel meanwhile.
        """


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"baton {version_of('baton')}")
        raise typer.Exit
