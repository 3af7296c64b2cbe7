"""Is this environment ours? Baton's four packages have common names, and others use them too.

The `openai-agents` wheel, for one, installs a top-level `agents`. Whichever of two is found first, or was installed
last, wins, and the loser breaks far from the cause. So the command looks before it imports any of them.
"""

import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

OURS: Final = {"graphs": "compile.py", "agents": "waits.py", "orchestrator": "tenancy.py", "api": "__init__.py"}
"""Each package, and a file that ours has."""

_SIGN: Final = ("agents", "step_types")
"""A package whose `__init__` another wheel is known to overwrite, and a word that ours holds."""


def clash(home: Path | None = None) -> str | None:
    """What is wrong with the environment, as a sentence with its remedy; None when all is well.

    Args:
        home: The folder the packages must lie in; without it, where this file was found.
    """
    home = home or Path(__file__).resolve().parents[2]
    for name, file in OURS.items():
        folder = _folder(name)
        if folder is None:
            return f"Baton's package '{name}' is missing: Python finds none beside {home}. Install Baton again."
        if folder.resolve().parent != home or not (folder / file).exists():
            return _foreign(name, folder)
    name, word = _SIGN
    if word not in (home / name / "__init__.py").read_text(encoding="utf-8"):
        return _foreign(name, home / name)
    return None


def _folder(name: str) -> Path | None:
    if name in sys.modules and (file := getattr(sys.modules[name], "__file__", None)):
        return Path(file).parent
    spec: ModuleSpec | None = PathFinder.find_spec(name)
    if spec is None:
        return None
    places = spec.submodule_search_locations
    return Path(next(iter(places))) if places else Path(spec.origin or "").with_suffix("")


def _foreign(name: str, folder: Path) -> str:
    others = [owner for owner in packages_distributions().get(name, []) if owner.lower() != "baton"]
    whose = f"it belongs to {', '.join(sorted(set(others)))}" if others else "it is somebody else's"
    return (
        f"The package '{name}' that Python finds here ({folder}) is not Baton's: {whose}. "
        "Baton is an application and needs an environment of its own: "
        "make one in Baton's folder with `make demo`, and use the `baton` of its .venv/bin."
    )
