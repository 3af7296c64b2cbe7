"""What others bring: step types of installed packages, and Python modules named in the settings."""

import importlib
import importlib.util
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final, TypeVar

from agents.planning.kinds import step_types as planning_step_types
from agents.reasoning.agent import AgentStep
from agents.reasoning.agents import Agents
from agents.tools.functions import Functions
from agents.tools.mcp_servers import McpServers
from agents.tools.tools import Tools
from graphs.composites import step_types as composite_step_types
from graphs.errors import SettingsError
from graphs.spec import Workflow
from graphs.steps import StepType, StepTypes

T = TypeVar("T")
_OWN: Final = "baton"


def installed_step_types(plugins: Collection[str] = ()) -> StepTypes:
    """The step types that packages offer under the entry point `baton.step_types` (I11, I12): ours, and those of the
    packages that are named. Of another that happens to be installed no line is carried out.

    Raises:
        SettingsError: a package is named that offers none, or whose step types cannot be loaded.
    """
    offers = sorted(entry_points(group="baton.step_types"), key=lambda offer: offer.name)
    by_package = [(_plain(offer.dist.name) if offer.dist is not None else "", offer) for offer in offers]
    for name in plugins:
        if _plain(name) not in {package for package, _ in by_package}:
            raise SettingsError(
                f"No package '{name}' is installed that offers step types.",
                hint="BATON_PLUGINS names packages as `pip list` shows them, with an entry point 'baton.step_types'.",
                code="plugin_unknown",
            )
    allowed = {_OWN, *map(_plain, plugins)}
    ours = (*composite_step_types(), AgentStep(), *planning_step_types())
    return StepTypes(
        [*ours, *(kind for package, offer in by_package if package in allowed for kind in _offered(offer))]
    )


def _plain(package: str) -> str:
    """The name of a package, however it is written."""
    return re.sub(r"[-_.]+", "-", package).lower()


def _offered(offer: EntryPoint) -> list[StepType]:
    try:
        return list(offer.load()())
    except Exception as error:
        raise SettingsError(
            f"The step types of the package '{offer.dist.name if offer.dist is not None else offer.name}' cannot be "
            f"loaded: {type(error).__name__}: {str(error).rstrip('.')}.",
            hint="Take it out of BATON_PLUGINS, or mend it.",
            code="plugin_unloadable",
        ) from error


@dataclass(slots=True)
class Offered:
    """What modules offer: `resources()` (values by type) and `workflows()`, both optional functions."""

    resources: list[Any] = field(default_factory=list)
    workflows: list[Workflow] = field(default_factory=list)


def load_modules(names: Iterable[str]) -> Offered:
    """Load modules by their import name, or from a file (`flows.py`), and take what they offer.

    A file is loaded under a name that cannot shadow, or be shadowed by, an installed package.

    Raises:
        SettingsError: a module cannot be loaded; the message says why.
    """
    offered = Offered()
    # A file that is named on the command line and in the environment is one file, however it is written.
    once = {str(Path(name).resolve()) if name.endswith(".py") else name: name for name in names}
    for name in once.values():
        with _blamed(name):
            module = _load(name)
            if not hasattr(module, "resources") and not hasattr(module, "workflows"):
                raise LookupError("it has neither a function 'resources' nor one 'workflows', and so offers nothing")
            for resource in _offer(module, "resources", object):
                _add(offered.resources, resource)
            offered.workflows.extend(_offer(module, "workflows", Workflow))
    return offered


def _add(resources: list[Any], resource: Any) -> None:
    """One more; functions, tools, MCP servers and agents of several modules are offered together.

    Raises:
        ConflictError: two modules offer one of the same name.
    """
    together = isinstance(resource, Functions | Tools | McpServers | Agents)
    same = [index for index, known in enumerate(resources) if together and type(known) is type(resource)]
    if same:
        resources[same[0]] = resources[same[0]].joined(resource)
    else:
        resources.append(resource)


@contextmanager
def _blamed(name: str) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:  # a script that ends the process when it is imported would end ours
        raise SettingsError(
            f"The module '{name}' cannot be loaded: {type(error).__name__}: {str(error).rstrip('.')}.",
            hint="Modules are named in BATON_MODULES or with --module.",
            code="module_unloadable",
        ) from error


def _load(name: str) -> Any:
    return _load_file(Path(name)) if name.endswith(".py") else importlib.import_module(name)


def _offer(module: Any, word: str, kind: type[T]) -> list[T]:
    """What a module's function of that name gives; nothing, when it has none."""
    function = getattr(module, word, None)
    if function is None:
        return []
    given = function() if callable(function) else None
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise TypeError(f"'{word}' is to be a function that gives a list")
    found = list(given)
    if wrong := [one for one in found if not isinstance(one, kind)]:
        raise TypeError(f"'{word}' gives {wrong[0]!r:.60}, which is no {kind.__name__}")
    return found


def _load_file(path: Path) -> Any:
    name = f"baton_user_{path.stem}_{abs(hash(path.resolve())):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f"there is no file {path.name} in {path.parent.resolve()}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
