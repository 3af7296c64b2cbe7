"""Secrets in what runs are configured with: keys of models, tokens of services.

A graph's configuration has no schema that says which they are, so their names do. They are encrypted where they are
kept, plain only for the graph, and nobody is shown them again.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from graphs.errors import InputError, StoreError
from graphs.expressions.secret import MASK
from graphs.inputs.secrets import names_a_secret
from orchestrator.fingerprints import fingerprint
from orchestrator.ids import shown_id
from orchestrator.sealing import Cipher
from orchestrator.store.served.remembering import REMEMBERED

_SEALED: Final = "$sealed"
_SAID: Final = frozenset({"config", "configurable", "parent_config", "metadata"})
_AROUND: Final = frozenset({"payload", "data", "chunk", "tasks", "state"})
"""Where LangGraph says it; values of a graph's state may be called as they like."""


_OF_A_MESSAGE: Final = "langgraph_step"
"""What the metadata of a message has; beside the message, in events of LangChain, it has no name."""


class Configured:
    """Seals and opens.

    Args:
        cipher: Opens what encrypts, when it is first needed.
    """

    def __init__(self, cipher: Callable[[], Cipher]) -> None:
        self._cipher = cipher

    def sealed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """A request, or an assistant's `config` and `context`, as they may be kept.

        Raises:
            InputError: something in it looks sealed and is not.
        """
        return _everywhere(request, self._seal)

    def opened(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The same as it was given."""
        return _everywhere(request, self._open)

    def fingerprint(self, wish: Mapping[str, Any]) -> str:
        """What tells a wish from others."""
        return fingerprint(wish, self._cipher() if masked(wish) != dict(wish) else None)

    def _seal(self, value: Any) -> Any:
        if not _is_sealed(value):
            return {_SEALED: base64.b64encode(self._cipher().encrypt(value)).decode()}
        try:
            self._open(value)
        except (StoreError, ValueError, TypeError, AttributeError):
            raise InputError(
                f"An object whose only key is '{_SEALED}' cannot be a value that is secret.",
                hint="Send the value itself.",
                code="sealed_not_ours",
            ) from None
        return value

    def _open(self, value: Any) -> Any:
        return self._cipher().decrypt(base64.b64decode(value[_SEALED])) if _is_sealed(value) else value


def masked(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request, or what else has a `config` and a `context`, as it may be seen again."""
    return _everywhere(request, lambda _: MASK)


def untold(said: Any) -> Any:
    """What LangGraph says of a run, whose configuration it says with it."""
    if isinstance(said, Mapping):
        if _OF_A_MESSAGE in said:
            return _shown(_inside(said, lambda _: MASK))
        return {
            name: _shown(_inside(value, lambda _: MASK))
            if name in _SAID
            else untold(value)
            if name in _AROUND
            else value
            for name, value in said.items()
        }
    return type(said)(map(untold, said)) if type(said) in (list, tuple) else said


def _shown(said: Any) -> Any:
    """The same with the thread's id as its tenant knows it; LangGraph names its checkpoints' places with it, too."""
    if isinstance(said, Mapping):
        return {
            name: shown_id(item) if name == "thread_id" and isinstance(item, str) else _shown(item)
            for name, item in said.items()
        }
    return said


def _everywhere(request: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    found = dict(request)
    for name in ("context", "configurable", REMEMBERED):
        if isinstance(found.get(name), Mapping):
            found[name] = _inside(found[name], change)
    if isinstance(config := found.get("config"), Mapping) and isinstance(config.get("configurable"), Mapping):
        found["config"] = {**config, "configurable": _inside(config["configurable"], change)}
    return found


def _inside(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: change(item) if item not in (None, "") and names_a_secret(str(key)) else _inside(item, change)
            for key, item in value.items()
        }
    return [_inside(item, change) for item in value] if isinstance(value, list) else value


def _is_sealed(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() == {_SEALED}
