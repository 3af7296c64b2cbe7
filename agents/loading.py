"""The one door to what is slow to import.

LangChain with a provider takes three seconds to import, jsonschema with its format checkers more than one, httpx a
third of one. `baton --help` and workflows that need none of them must not pay, so `import agents` imports none of
them: the modules named here do, and they are loaded through `load` when a step first needs one.
"""

import importlib
from types import ModuleType
from typing import Any, Literal

from agents.tools.threads import in_thread

Heavy = Literal[
    "agents.services.http",
    "agents.schemas",
    "agents.models.providers",
    "agents.models.openai_client",
    "agents.reasoning.react",
    "agents.models.cassette_model",
    "agents.reasoning.summing",
    "agents.tools.mcp",
    "agents.models.routing",
    "orchestrator.alerts.webhook",
]

_loaded: dict[str, ModuleType] = {}


async def load(module: Heavy) -> Any:
    """The module, imported in a thread so that a first import does not stop the steps that run meanwhile.

    Only finished imports are kept here: `sys.modules` also lists the half-done ones, and waiting for those would
    block the event loop.
    """
    if module not in _loaded:
        _loaded[module] = await in_thread(lambda: importlib.import_module(module))
    return _loaded[module]


def load_now(module: Heavy) -> Any:
    """The same for code that cannot wait: the checks of a definition, which run before any step does."""
    return _loaded.setdefault(module, importlib.import_module(module))
