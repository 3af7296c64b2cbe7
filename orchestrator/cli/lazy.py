"""The one place where Baton imports inside functions: a command's body is loaded when the command is invoked.

`baton --help` must answer at once, and what drives executions takes more than a second to import (LangGraph and what
it brings). So the command line is declared in light modules (`orchestrator.cli.declared`), and each declaration names
the function that performs it. Commands of other packages (entry point `baton.commands`) are known by name from their
packages' metadata, and loaded when they are invoked.
"""

import ast
import importlib
import re
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from graphs.errors import BatonError
from orchestrator.cli.loading import while_loading

GROUP = "baton.commands"
_PANELS = {"demo": "Try it"}


def load(place: str) -> Callable[..., Any]:
    """The function at `module:name`."""
    module, _, name = place.partition(":")
    with while_loading():
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


class OpenGroup(TyperGroup):
    """A group of commands to which other packages add theirs."""

    _added: dict[str, EntryPoint] | None = None

    def list_commands(self, ctx: Any) -> list[str]:
        """Ours, then theirs."""
        return [*super().list_commands(ctx), *(name for name in self._offers() if name not in self.commands)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """For lists: of a command that is not ours, a stub with its name and what it is for."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in self._offers():
            return own
        offer = self._offers()[cmd_name]
        panel = _PANELS.get(cmd_name, "Serve") if _owner(offer) == "baton" else f"From {_owner(offer)}"
        return TyperCommand(name=cmd_name, help=_summary(offer.module), rich_help_panel=panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """For invoking: the command itself."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name not in self.commands:
            command = self.commands[name] = _loaded(self._offers()[name])
        return name, command, rest

    def _offers(self) -> dict[str, EntryPoint]:
        if self._added is None:
            self._added = {}
            for offer in sorted(entry_points(group=GROUP), key=lambda offer: offer.name):
                if _source(offer.module) is None:
                    words = f"offers the command '{offer.name}', but there is no module {offer.module}"
                    sys.stderr.write(f"warning: {_owner(offer)} {words}.\n")
                else:
                    self._added[offer.name] = offer
        return self._added


def _loaded(offer: EntryPoint) -> Any:
    """The command of another package: its `register` is handed an app of its own, so it can replace nothing of ours.

    Raises:
        BatonError: it cannot be loaded, or registers nothing under its name.
    """
    app = typer.Typer(add_completion=False)
    app.callback()(lambda: None)  # without it, Typer makes an app of one command that command
    try:
        with while_loading():
            register = offer.load()
        register(app)
        found = typer.main.get_group(app).commands.get(offer.name)
        if found is None:
            raise LookupError("it registers no command of that name")
        return found
    except Exception as error:  # somebody else's package is loaded here
        raise BatonError(
            f"The command '{offer.name}' of {_owner(offer)} cannot be loaded: {type(error).__name__}: {error}.",
            hint="Baton's own commands are not affected.",
            code="command_unloadable",
        ) from error


def _owner(offer: EntryPoint) -> str:
    return offer.dist.name if offer.dist is not None else "an installed package"


def _summary(module: str) -> str:
    """What a command is for: the first line of its module's docstring, read without running the module."""
    try:
        text = ast.get_docstring(ast.parse(_source(module) or "")) or ""
    except (SyntaxError, ValueError):
        text = ""
    first = re.sub(r"^`baton [^`]*`: ", "", text.partition("\n")[0])
    first = re.split(r"(?<=\.) ", first)[0]
    return first[:1].upper() + first[1:]


def _source(module: str) -> str | None:
    """The text of a module, found without importing the packages around it; None when there is none."""
    path: list[str] | None = None
    name = spec = None
    for part in module.split("."):
        name = part if name is None else f"{name}.{part}"
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or [])
    origin = Path(spec.origin) if spec is not None and spec.origin else None
    return origin.read_text(encoding="utf-8", errors="replace") if origin and origin.suffix == ".py" else ""
