"""What was taken out of a definition because it did not fit the model, and what can therefore not be said of the rest.

A name that nobody has may be one that stands in such a part; a step whose dependencies could not be read may wait for
any other. Everything else is as real as it would be in a definition without gaps.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from graphs.loading.models import keys_of
from graphs.loading.places import Path, area_of
from graphs.spec import Step

_LINKS = ("depends_on", "next")
_LIKE = 0.85
"""From here on two names are the same but for a slip of the finger."""
_EVERY_KEY = frozenset(keys_of(Step))


class Gaps:
    """The parts that are missing.

    Args:
        taken: What was taken out, by path.
    """

    def __init__(self, taken: Mapping[Path, Any] | None = None) -> None:
        taken = taken or {}
        self._paths = frozenset(taken)
        self._keys: dict[Path, set[str]] = {}
        self.names = frozenset(name for path, value in taken.items() for name in _names(path, value))
        """Whatever may be the name of a step, a case or a variable there."""
        self._nameless = any(path[-1] == "name" and not isinstance(value, str) for path, value in taken.items())
        for path, value in taken.items():
            step = _step_around(path)
            if step is not None:
                self._keys.setdefault(step, set()).update(_keys(path[len(step) :], value))

    def may_be_step(self, name: str, known: Iterable[str]) -> bool:
        """Whether a name that no step has may be one of a step that could not be read.

        Of a step without any name nothing is known; a name that is like another one is a slip all the same.
        """
        return name in self.names or (self._nameless and not get_close_matches(name, known, 1, _LIKE))

    def of_step(self, path: Path) -> frozenset[str]:
        """Keys of a step whose values are missing, in whole or in part; those of steps inside it are not counted."""
        return _EVERY_KEY if path in self._paths else frozenset(self._keys.get(path, ()))

    def cover(self, path: Path) -> bool:
        """Whether a path leads to what is missing, or into it."""
        return any(path[:length] in self._paths for length in range(1, len(path) + 1)) if self._paths else False


def _step_around(path: Path) -> Path | None:
    """The step in which something stands."""
    return next((path[:length] for length in range(len(path) - 1, 0, -1) if area_of(path[:length]) == "step"), None)


def _keys(inside: Path, value: Any) -> Iterator[str]:
    yield str(inside[0])
    if inside[-1] == "goto" or (isinstance(value, Mapping) and "goto" in value):
        yield "next"  # it leads on to another step in the same way


def _names(path: Path, value: Any) -> Iterator[str]:
    if isinstance(path[-1], str):
        yield path[-1]
    yield from _names_in(value, every=path[-1] == "name")


def _names_in(value: Any, *, every: bool) -> Iterator[str]:
    """Texts that may be names: keys, what stands under `name`, items of lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _names_in(item, every=every)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            if every or key == "name" or (isinstance(item, Mapping | list) and key not in _LINKS):
                yield from _names_in(item, every=every or key == "name")
