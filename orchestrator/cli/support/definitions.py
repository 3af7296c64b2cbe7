"""Definitions in files."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from os import environ
from pathlib import Path
from typing import Any, NamedTuple

from agents.models.known import NO_KEY, judge_of, named_models, without_key
from agents.models.models import Models
from agents.models.prices import Prices
from agents.reasoning.agents import Agents
from agents.services.services import Services
from agents.tools.functions import Functions
from agents.tools.mcp_servers import McpServers
from agents.tools.tools import Tools
from graphs.errors import DefinitionError, NotFoundError, Problem
from graphs.loader import Loaded, Report, examine_text, load_file
from graphs.loading.findings import Findings
from graphs.loading.names import nearest
from graphs.policies.named import declared
from graphs.spec import Workflow
from graphs.steps import StepTypes
from graphs.templates import WorkflowTemplate
from graphs.validation import Known, unchecked
from graphs.validation.known import Judge, Named
from graphs.validation.links import check_links
from graphs.validation.outline import Outline
from orchestrator.cli.lazy import load
from orchestrator.cli.support.at_hand import AtHand
from orchestrator.cli.support.errors import print_problems
from orchestrator.cli.support.setting import Setting
from orchestrator.plugins import installed_step_types

_MODULES = "--module MODULE|FILE.py, or BATON_MODULES"
_CHECKED_BY: Mapping[Named, str] = {
    "workflow": "--database FILE, or name the files of both",
    "service": "--service NAME=URL, or BATON_SERVICES",
    "function": _MODULES,
    "tool": _MODULES,
    "agent": _MODULES,
}


class Unchecked(NamedTuple):
    """Names of which it could not be said whether they exist, and what would say it."""

    thing: Named
    names: tuple[str, ...]
    check_with: str

    def __str__(self) -> str:
        names = ", ".join(self.names)
        return f"not checked: {self.thing}{'s' if len(self.names) > 1 else ''} {names}. Check with {self.check_with}."


NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


class Definitions:
    """Reads definitions with everything this command's setting knows.

    Args:
        here: They are carried out by this process, so that there is nothing it was not told of.
        beside: Files that are named together: each may refer to the workflows of the others.
    """

    def __init__(self, setting: Setting, *, here: bool = False, beside: Sequence[Path] = ()) -> None:
        self.step_types: StepTypes = installed_step_types(setting.settings.plugins)
        at_hand = AtHand(setting, self.step_types, beside)
        self._at_hand = at_hand
        self._known = replace(
            _known(setting, here=here), workflow=at_hand.find, workflows=at_hand, absent=at_hand.absent(here=here)
        )

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

    def find(self, name: str, version: str | None) -> Workflow:
        """A workflow by its name: a module's, or a published one.

        Raises:
            NotFoundError: there is none.
        """
        if (found := self._at_hand.find(name, version)) is None:
            # Loaded where it is wanted: a check of a file needs no engine.
            raise load("orchestrator.catalogue:no_workflow")(name, version, self._at_hand, _file_called(name))
        return found

    def examine(self, path: Path, text: str) -> Report:
        """What is right and wrong with a text."""
        return examine_text(text, step_types=self.step_types, file=str(path), known=self._known)

    def fill(self, template: WorkflowTemplate, arguments: Mapping[str, Any]) -> Report:
        """What is right and wrong with the workflow that comes of a template.

        Raises:
            InputError: a value is missing, unknown, or does not fit.
        """
        return template.examine(arguments, step_types=self.step_types, known=self._known)

    def check_links(self, workflow: Workflow) -> None:
        """What the workflow names outside of itself is there, as far as that is known.

        Raises:
            DefinitionError: something is not.
        """
        findings = Findings()
        check_links(Outline(workflow, self.step_types), self._known, findings)
        if errors := [problem for problem in findings.problems() if problem.severity == "error"]:
            raise DefinitionError(errors)

    def unchecked(self, workflow: Workflow) -> list[Unchecked]:
        """What could not be checked, and how to check it."""
        found = unchecked(workflow, self.step_types, self._known)
        return [Unchecked(thing, tuple(names), _CHECKED_BY[thing]) for thing, names in found.items()]


def read_text(file: Path) -> str:
    """A file's text.

    Raises:
        NotFoundError: there is none.
        DefinitionError: it is not UTF-8.
    """
    try:
        return file.read_bytes().decode("utf-8")
    except NO_FILE:
        raise no_file(file) from None
    except UnicodeDecodeError as error:
        raise DefinitionError([not_utf8(file, error)]) from None


def not_utf8(file: Path, error: UnicodeDecodeError) -> Problem:
    """What is wrong with a file that is not text."""
    message = f"The file is not UTF-8 text: byte {error.start + 1} fits nowhere."
    return Problem("not_utf8", message, "Save it as UTF-8.", file=str(file))


def mars(problem: Problem, strict: bool) -> bool:
    """Whether a problem counts against the definition.

    Args:
        strict: Warnings do, too, but for a key this machine has not: where the workflow runs, there may be one.
    """
    return problem.severity == "error" or (strict and problem.code != NO_KEY)


def is_file(target: str) -> bool:
    """Whether a target means a file, there or not, rather than a name."""
    path = Path(target)
    return path.suffix in _SUFFIXES or "/" in target or path.is_file()


def no_file(path: Path) -> NotFoundError:
    """The error for a definition that is not there."""
    if path.is_dir():
        hint = "Name the files in it."
        return NotFoundError(f"'{path}' is a folder, not a definition.", hint=hint, code="file_not_found")
    near = nearest(path.name, (each.name for each in _definitions(path.parent)))
    hint = f"Did you mean '{path.with_name(near)}'?" if near is not None else "Published workflows go by name."
    return NotFoundError(f"There is no file '{path}'.", hint=hint, code="file_not_found")


def _definitions(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.suffix in _SUFFIXES)
    except OSError:
        return []


def _file_called(name: str) -> str | None:
    """What to say to who gives the name of a workflow that lies here in a file, and is not published."""
    files = (Path(f"{name}{suffix}") for suffix in sorted(_SUFFIXES, reverse=True))
    found = next((file for file in files if file.is_file()), None)
    return (
        found
        if found is None
        else f"There is a file of that name: {found}. Name it, or publish it: baton publish {found}"
    )


def _known(setting: Setting, *, here: bool) -> Known:
    """See `Definitions`.

    Raises:
        SettingsError: a service is none.
    """
    # What nobody configured is not checked, unless it runs here: another engine may be set up with it.
    offered, settings = setting.offered.resources, setting.settings
    nothing: Collection[str] | None = () if here else None
    services = _names(offered, Services)
    if services is None:
        services = Services.from_mapping(settings.services).names()
    return Known(
        services=services or nothing,
        functions=_names(offered, Functions) or nothing,
        # What tools MCP servers have is known when they are spoken to.
        tools=None if settings.mcp or _names(offered, McpServers) else _names(offered, Tools) or nothing,
        agents=_names(offered, Agents) or nothing,
        capabilities=[one for agents in offered if isinstance(agents, Agents) for one in agents.capabilities]
        or nothing,
        limits=declared(settings.limits, settings.services),
        model=_judge(setting, here=here),
    )


def _judge(setting: Setting, *, here: bool) -> Judge:
    offered, settings = setting.offered.resources, setting.settings
    models = next((one for one in offered if isinstance(one, Models)), None)
    prices = [name for one in offered if isinstance(one, Prices) for name in one.table]
    default = (models.default if models is not None else None) or settings.model
    scripts: Collection[str] | None = [] if here or setting.names_modules else None
    if models is not None:
        scripts = models.scripts.names()
    judge = judge_of(scripts, named_models(default, [*settings.prices, *prices]))
    # Models of a module may have a key of their own, or be played from a recording.
    return judge if models is not None else lambda model: judge(model) or without_key(model, environ)


def _names(offered: Collection[Any], kind: type[Any]) -> Collection[str] | None:
    found = [registry for registry in offered if isinstance(registry, kind)]
    return sorted({name for registry in found for name in registry.names()}) if found else None
