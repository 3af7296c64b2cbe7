"""`langgraph.json`: the graphs a team already has, found and loaded as LangGraph's own server does."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
from dotenv import dotenv_values

from graphs.errors import SettingsError
from orchestrator.serving.loading import Source

NAME = "langgraph.json"

_NOT_HERE = ("http", "store", "checkpointer", "ui", "webhooks", "encryption")


@dataclass(frozen=True, slots=True)
class GraphsConfig:
    """What a `langgraph.json` says.

    Attributes:
        folder: Where it lies; paths in it are relative to that.
        graphs: By name, `path.py:variable` or `module:variable`.
        descriptions: Of those that have one, by name.
        dependencies: Folders to import from, and packages that must be installed.
        env: Variables for the graphs.
        auth: Who may do what, `path.py:variable` or `module:variable` of a `langgraph_sdk.Auth`.
        left_out: Keys that mean something to LangGraph's server, and nothing here.
    """

    folder: Path
    graphs: Mapping[str, str]
    descriptions: Mapping[str, str] = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    auth: str | None = None
    left_out: tuple[str, ...] = ()


def read_config(path: Path) -> GraphsConfig:
    """Read one.

    Raises:
        SettingsError: it cannot be read, or says what cannot be.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror or error}") from error
    except orjson.JSONDecodeError as error:
        raise _wrong(path, f"is no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("graphs"), dict):
        raise _wrong(path, "names no graphs", 'It needs "graphs": {"NAME": "./file.py:variable"}.')
    graphs = {name: _place_of(path, name, given) for name, given in document["graphs"].items()}
    dependencies = document.get("dependencies") or []
    if not isinstance(dependencies, list) or not all(isinstance(item, str) for item in dependencies):
        raise _wrong(path, "has 'dependencies' that are no list of texts")
    env = _env_of(path, document.get("env"))
    left_out = tuple(key for key in _NOT_HERE if document.get(key))
    auth = _auth_of(path, document.get("auth"))
    said = {name: given.get("description") for name, given in document["graphs"].items() if isinstance(given, dict)}
    return GraphsConfig(
        folder=path.parent.absolute(),
        graphs=graphs,
        descriptions={name: text for name, text in said.items() if isinstance(text, str)},
        dependencies=tuple(dependencies),
        env=env,
        auth=auth,
        left_out=left_out,
    )


def load_graphs(config: GraphsConfig) -> dict[str, Source]:
    """Import the graphs. Their folders come after everything that is installed, so they can replace nothing of ours.

    Raises:
        SettingsError: one cannot be loaded; the message says which and why.
    """
    for name, value in config.env.items():
        os.environ.setdefault(name, value)
    for dependency in config.dependencies:
        _depend(config, dependency)
    return {name: _load(config, name, place) for name, place in config.graphs.items()}


def load_auth(config: GraphsConfig) -> Any:
    """Import what the `auth` key names; None where there is none. The graphs must have been loaded.

    Raises:
        SettingsError: it cannot be loaded.
    """
    if config.auth is None:
        return None
    module, _, variable = config.auth.rpartition(":")
    try:
        return getattr(_module(config, module), variable)
    except Exception as error:  # importing it runs the team's own code, which may raise anything
        why = str(error).rstrip(".")
        raise SettingsError(
            f"The auth ({config.auth}) cannot be loaded: {type(error).__name__}: {why}.",
            hint=f"It is named in {config.folder / NAME}.",
            code="auth_invalid",
        ) from error


def _load(config: GraphsConfig, name: str, place: str) -> Source:
    module, _, variable = place.rpartition(":")
    try:
        return Source(name, getattr(_module(config, module), variable), config.descriptions.get(name))
    except Exception as error:  # as above
        why = str(error).rstrip(".")
        raise SettingsError(
            f"The graph '{name}' ({place}) cannot be loaded: {type(error).__name__}: {why}.",
            hint=f"It is named in {config.folder / NAME}.",
            code="graph_unloadable",
        ) from error


def _module(config: GraphsConfig, place: str) -> ModuleType:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = (config.folder / place).resolve()
    # The name others import it by, when its folder is a dependency: one module must not become two.
    if (known := next((item for item in list(sys.modules.values()) if _is_at(item, path)), None)) is not None:
        return known
    name = f"baton_user_{path.stem}_{abs(hash(path)):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _is_at(module: Any, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and file == str(path) and not getattr(module, "__name__", "").startswith("__")


def _depend(config: GraphsConfig, dependency: str) -> None:
    if dependency.startswith("."):
        folder = (config.folder / dependency).resolve()
        if not folder.is_dir():
            raise _wrong(config.folder / NAME, f"depends on the folder '{dependency}', which is not there")
        for place in (folder, folder / "src"):
            if place.is_dir() and str(place) not in sys.path:
                sys.path.append(str(place))


def _place_of(path: Path, name: str, given: Any) -> str:
    place = given.get("path") if isinstance(given, dict) else given
    if not isinstance(place, str) or ":" not in place:
        raise _wrong(path, f"names the graph '{name}' by {place!r}", "Write ./file.py:variable, or module:variable.")
    if place.partition(":")[0].endswith((".ts", ".js", ".mts", ".mjs", ".tsx")):
        raise _wrong(path, f"names the graph '{name}' in JavaScript", "Baton runs Python graphs.")
    return place


def _auth_of(path: Path, given: Any) -> str | None:
    place = given.get("path") if isinstance(given, dict) else None
    if given and (not isinstance(place, str) or ":" not in place):
        raise _wrong(path, "has an 'auth' without a path", 'Write {"path": "./auth.py:variable"}.')
    return place if given else None


def _env_of(path: Path, given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if isinstance(given, dict):
        return {str(name): str(value) for name, value in given.items()}
    if isinstance(given, str):
        file = path.parent / given
        if not file.exists():
            raise _wrong(path, f"names the env file '{given}', which is not there")
        found = dotenv_values(file)
        return {name: value for name, value in found.items() if value is not None}
    raise _wrong(path, "has an 'env' that is neither a file's name nor an object")


def _wrong(path: Path, what: str, hint: str | None = None) -> SettingsError:
    return SettingsError(f"{path} {what}.", hint=hint, code="graphs_config_invalid")
