"""What can still be checked of a document that does not fit the model: the rest, with the wrong parts taken out."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import ValidationError

from graphs.loading.models import required_keys_of, unfold
from graphs.loading.places import Path, area_of, child_of
from graphs.spec import Workflow, is_name

_ROUNDS = 4

_ORDER = frozenset({"not_an_ancestor", "variable_not_yet_set", "unreachable_step", "parallel_contradicts"})
_NAMES = frozenset({"unknown_step", "unknown_dependency", "step_out_of_reach", "dependency_out_of_reach", "no_steps"})
_SOURCES = frozenset({"output_not_produced", "output_undeclared", "output_ambiguous"})
_VARIABLES = frozenset({"unknown_variable", "variable_not_yet_set"})
_INSIDE = _NAMES | _SOURCES | _VARIABLES | _ORDER | {"container_missing", "container_empty", "route_unknown"}
_CONSEQUENCES: dict[str, frozenset[str]] = {
    **dict.fromkeys(("depends_on", "next"), _ORDER | _VARIABLES),
    **dict.fromkeys(("steps", "branches", "cases", "default", "then", "else"), _INSIDE),
    "variables": _VARIABLES | _SOURCES,
    "output": _SOURCES,
    "values": _SOURCES,
    "config": frozenset({"unknown_name"}),
}
"""Problems elsewhere that may only be there because the value under a key was taken out."""


class Salvaged(NamedTuple):
    """A workflow made of the right parts.

    Attributes:
        lost: Paths of what was taken out.
        doubtful: Codes of problems that may be there only because of that.
    """

    workflow: Workflow
    lost: frozenset[Path]
    doubtful: frozenset[str]

    def is_real(self, code: str, path: Path) -> bool:
        """Whether a problem of the rest is one of the whole too."""
        return code not in self.doubtful and all(path[: len(lost)] != lost for lost in self.lost)


def salvage(document: dict[str, Any], error: ValidationError) -> Salvaged | None:
    """Take the wrong parts out of a document (in place) until the rest fits; None when too little is left."""
    lost: set[Path] = set()
    for _ in range(_ROUNDS):
        for path in _wrong_paths(error):
            taken = _take_out(document, path)
            if taken is None:
                return None
            # Without its type nothing can be said about a step.
            lost.add(taken[:-1] if taken[-1] == "type" and area_of(taken[:-1]) == "step" else taken)
        try:
            workflow = Workflow.model_validate(document)
        except ValidationError as again:
            error = again
            continue
        return Salvaged(workflow, frozenset(lost), frozenset().union(*map(_doubtful, lost)))
    return None


def _doubtful(lost: Path) -> frozenset[str]:
    """What cannot be believed any more once a value is lost; with a whole step its name and what it sets are."""
    last = lost[-1]
    return _INSIDE if isinstance(last, int) and area_of(lost) == "step" else _CONSEQUENCES.get(str(last), frozenset())


def _wrong_paths(error: ValidationError) -> Iterable[Path]:
    """The values that do not fit, the deepest first; for a missing key, what it is missing from."""
    paths = set()
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        unfolded = unfold(Workflow, detail["loc"])
        path = unfolded.path if unfolded.union is None else unfolded.union
        needed = required_keys_of(unfolded.owner) if unfolded.owner is not None else set()
        # What cannot be missed cannot be taken out by itself either.
        paths.add(path[:-1] if path and path[-1] in needed else path)
    return sorted(paths, key=len, reverse=True)


def _take_out(document: dict[str, Any], path: Path) -> Path | None:
    """Remove the value, or the nearest around it that can be missed; steps and cases keep their place."""
    while path and path != ("spec",):
        holder = _holder(document, path)
        if path == ("metadata",):
            document["metadata"] = {"name": "unnamed"}
            return path
        if isinstance(holder, dict) and path[-1] in holder:
            del holder[str(path[-1])]
            return path
        if isinstance(holder, list) and (stand_in := _stand_in(holder, path)) is not None:
            holder[int(path[-1])] = stand_in
            return path
        path = path[:-1]
    return None


def _stand_in(holder: list[Any], path: Path) -> dict[str, Any] | None:
    """What can stand for a wrong item of a list, so that the others keep their numbers."""
    index = path[-1]
    if not isinstance(index, int) or index >= len(holder):
        return None
    if area_of(path) == "case":
        return {}
    if area_of(path) != "step":
        return None
    name = holder[index].get("name") if isinstance(holder[index], dict) else None
    return {"name": name if isinstance(name, str) and is_name(name) else f"unnamed_{index}"}


def _holder(document: Any, path: Path) -> Any:
    for key in path[:-1]:
        document = child_of(document, key)
    return document
