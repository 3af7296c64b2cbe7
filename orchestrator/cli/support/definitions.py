"""Definitions in files."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from agents.agents import Agents
from agents.functions import Functions
from agents.tools import Tools
from graphs.errors import NotFoundError
from graphs.loader import Loaded, Report, examine_text, load_file
from graphs.policies.named import declared
from graphs.steps import StepTypes
from graphs.validation import Known
from orchestrator.cli.support.errors import print_problems
from orchestrator.cli.support.setting import Setting
from orchestrator.plugins import installed_step_types

NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


class Definitions:
    """Reads definitions with everything this command's setting knows."""

    def __init__(self, setting: Setting) -> None:
        self.step_types: StepTypes = installed_step_types()
        self._known = _known(setting)

    def load(self, path: Path) -> Loaded:
        """A workflow; warnings are printed.

        Raises:
            NotFoundError: there is no such file.
            DefinitionError: everything that is wrong with it.
        """
        try:
            loaded = load_file(path, step_types=self.step_types, known=self._known)
        except NO_FILE:
            raise no_file(path) from None
        print_problems(loaded.warnings)
        return loaded

    def examine(self, path: Path, text: str) -> Report:
        """What is right and wrong with a text."""
        return examine_text(text, step_types=self.step_types, file=str(path), known=self._known)


def is_file(target: str) -> bool:
    """Whether a target means a file, there or not, rather than a name."""
    path = Path(target)
    return path.suffix in _SUFFIXES or "/" in target or path.is_file()


def no_file(path: Path) -> NotFoundError:
    """The error for a definition that is not there."""
    if path.is_dir():
        hint = "Name the files in it."
        return NotFoundError(f"'{path}' is a folder, not a definition.", hint=hint, code="file_not_found")
    return NotFoundError(f"There is no file '{path}'.", hint="Published workflows go by name.", code="file_not_found")


def _known(setting: Setting) -> Known:
    # What nobody configured is not checked: the engine that runs it may be set up elsewhere.
    offered = setting.offered.resources
    return Known(
        services=setting.settings.services.keys() or None,
        functions=_names(offered, Functions),
        tools=_names(offered, Tools),
        agents=_names(offered, Agents),
        limits=declared(setting.settings.limits, setting.settings.services),
    )


def _names(offered: Collection[Any], kind: type[Any]) -> Collection[str] | None:
    found = [registry for registry in offered if isinstance(registry, kind)]
    return sorted({name for registry in found for name in registry.names()}) if found else None
