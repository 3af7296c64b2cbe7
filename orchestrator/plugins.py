"""What others bring: step types of installed packages, and Python modules named in the settings."""

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from agents.agent import AgentStep
from graphs.composites import step_types as composite_step_types
from graphs.errors import SettingsError
from graphs.spec import Workflow
from graphs.steps import StepTypes


def installed_step_types() -> StepTypes:
    """Every step type that installed packages offer under the entry point `baton.step_types` (I11, I12)."""
    offers = sorted(entry_points(group="baton.step_types"), key=lambda offer: offer.name)
    return StepTypes([*composite_step_types(), AgentStep(), *(kind for offer in offers for kind in offer.load()())])


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
    for name in names:
        module = _load(name)
        if hasattr(module, "resources"):
            offered.resources.extend(module.resources())
        if hasattr(module, "workflows"):
            offered.workflows.extend(module.workflows())
    return offered


def _load(name: str) -> Any:
    try:
        if name.endswith(".py"):
            return _load_file(Path(name))
        return importlib.import_module(name)
    except Exception as error:
        raise SettingsError(
            f"The module '{name}' cannot be loaded: {type(error).__name__}: {error}.",
            hint="Modules are named in BATON_MODULES or with --module.",
            code="module_unloadable",
        ) from error


def _load_file(path: Path) -> Any:
    name = f"baton_user_{path.stem}_{abs(hash(path.resolve())):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
