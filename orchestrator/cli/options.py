"""What every command takes, and the way from a declaration to the function that performs it."""

import asyncio
import inspect
import os
import re
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from orchestrator.cli.exits import Exit, exit_of_error
from orchestrator.cli.lazy import load

_PANEL: Final = "Options of every command"
_FOR_PROGRAMS: Final = "orchestrator.cli.support.terminal:for_programs"
_REPORT: Final = "orchestrator.cli.support.errors:report"


class LogLevel(StrEnum):
    """How much the engine logs to standard error."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Shared:
    """The options every command has, before or after its name. None and empty: the environment's, or the default."""

    database: Path | None = None
    services: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    log_level: str | None = None
    as_json: bool = False
    debug: bool = False
    tenant: str | None = None

    def over(self, outer: "Shared | None") -> "Shared":
        """These, and what was said before the command's name."""
        if outer is None:
            return self
        return Shared(
            self.database or outer.database,
            outer.services + self.services,
            outer.modules + self.modules,
            self.log_level or outer.log_level,
            self.as_json or outer.as_json,
            self.debug or outer.debug,
            self.tenant or outer.tenant,
        )


def shared(
    database: Annotated[
        Path | None,
        typer.Option(help="The SQLite file. [dim]Else BATON_DATABASE, else baton.db.[/]", rich_help_panel=_PANEL),
    ] = None,
    service: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="Where a service is; may be repeated.", rich_help_panel=_PANEL),
    ] = None,
    module: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE|FILE.py",
            help="Python that offers functions, tools, agents and workflows; may be repeated.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    log_level: Annotated[
        LogLevel | None, typer.Option(help="What the engine logs to standard error.", rich_help_panel=_PANEL)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.", rich_help_panel=_PANEL)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print tracebacks of errors.", rich_help_panel=_PANEL)] = False,
    tenant: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose: begin and publish for them, and find only theirs. [dim]Else BATON_TENANT.[/]",
            rich_help_panel=_PANEL,
        ),
    ] = None,
) -> Shared:
    """The shared options as one value."""
    return Shared(database, tuple(service or ()), tuple(module or ()), log_level, json, debug, tenant)


_SHARED: Final = inspect.signature(shared).parameters


def command(
    app: typer.Typer, name: str, body: str, **more: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare a command: a function without a body, whose parameters and docstring become the command's.

    Args:
        app: Where it is added.
        name: What people type; for `app.callback`, the empty text.
        body: `module:function`; it is handed the shared options first, then the declared ones by name, and gives the
            exit code. It may be async.
        more: As for `app.command`.
    """

    def declare(declaration: Callable[..., None]) -> Callable[..., None]:
        def call(context: typer.Context, **given: Any) -> None:
            own = {key: value for key, value in given.items() if key not in _SHARED}
            context.obj = shared(**{key: given[key] for key in _SHARED}).over(context.obj)
            if context.invoked_subcommand is None:  # otherwise this is a group, and its subcommand comes next
                raise typer.Exit(perform(context.obj, body, own))

        _disguise(call, declaration)
        if name:
            app.command(name, **more)(call)
        else:
            app.callback(**more)(call)
        return declaration

    return declare


def _disguise(call: Callable[..., None], declaration: Callable[..., None]) -> None:
    """Let Typer see the declaration's parameters and the shared ones."""
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *inspect.signature(declaration).parameters.values(), *_SHARED.values()]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    # Typer keeps line ends within paragraphs; the docstring has them where the source is full.
    call.__doc__ = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(declaration.__doc__ or ""))


def perform(common: Shared, body: str, given: Mapping[str, Any]) -> int:
    """Carry a command out, and print what went wrong; gives the exit code."""
    try:
        with load(_FOR_PROGRAMS)() if common.as_json else nullcontext():
            return _performed(common, body, given)
    except BrokenPipeError:  # `| head` has read enough
        # What is still buffered has nowhere to go either, and Python would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.UNREAD


def _performed(common: Shared, body: str, given: Mapping[str, Any]) -> int:
    try:
        done: int | Coroutine[Any, Any, int] = load(body)(common, **given)
        return done if isinstance(done, int) else asyncio.run(done)
    except (BrokenPipeError, typer.Exit, typer.BadParameter):
        raise
    except Exception as error:  # noqa: BLE001 - the edge: a person gets a sentence, and with --debug the traceback
        return tell(error, common)


def tell(error: Exception, common: Shared) -> int:
    """Print what went wrong; gives the exit code."""
    load(_REPORT)(error, as_json=common.as_json, debug=common.debug)
    return exit_of_error(error)
