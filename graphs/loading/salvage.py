"""What can still be checked of a document that does not fit the model: the rest, with the wrong parts taken out."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import ValidationError

from graphs.loading.gaps import Gaps
from graphs.loading.models import required_keys_of, unfold
from graphs.loading.places import Path, area_of, child_of
from graphs.spec import Workflow, is_name

_ROUNDS = 16
"""What was hidden by a wrong part is found in the next round; nesting is not deeper than that."""


class Salvaged(NamedTuple):
    """A workflow made of the right parts, and what is missing from it."""

    workflow: Workflow
    gaps: Gaps


def salvage(document: dict[str, Any], error: ValidationError) -> Salvaged | None:
    """Take the wrong parts out of a document (in place) until the rest fits; None when too little is left."""
    taken: dict[Path, Any] = {}
    for _ in range(_ROUNDS):
        for path in _wrong_paths(error):
            found = _take_out(document, path)
            if found is None:
                return None
            taken[found[0]] = found[1]
        try:
            return Salvaged(Workflow.model_validate(document), Gaps(taken))
        except ValidationError as again:
            error = again
    return None


def _wrong_paths(error: ValidationError) -> Iterable[Path]:
    """The values that do not fit, the deepest first; for a missing key, what it is missing from."""
    paths = set()
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        unfolded = unfold(Workflow, detail["loc"])
        path = unfolded.path if unfolded.union is None else unfolded.union
        needed = required_keys_of(unfolded.owner) if unfolded.owner is not None else set()
        # What cannot be missed cannot be taken out by itself either; for `metadata` there is a stand-in.
        paths.add(path[:-1] if len(path) > 1 and path[-1] in needed else path)
    return sorted(paths, key=len, reverse=True)


def _take_out(document: dict[str, Any], path: Path) -> tuple[Path, Any] | None:
    """Remove the value, or the nearest around it that can be missed; gives where that stood, and what it was."""
    while path and path != ("spec",):
        if path == ("metadata",):
            value, document["metadata"] = document.get("metadata"), {"name": "unnamed"}
            return path, value
        holder, key = _holder(document, path), path[-1]
        value = child_of(holder, key)
        if area_of(path) == "step" and isinstance(value, dict) and not _is_named(value):
            # Only its name is wrong: all else in it can be looked at.
            wrong, value["name"] = value.get("name"), f"unnamed_{key}"
            return (*path, "name"), wrong
        if isinstance(holder, dict) and key in holder:
            return path, holder.pop(key)
        if isinstance(holder, list) and isinstance(key, int) and key < len(holder):
            stand_in = _stand_in(value, path)
            if stand_in is not None:
                holder[key] = stand_in
                return path, value
        path = path[:-1]
    return None


def _is_named(step: dict[str, Any]) -> bool:
    return isinstance(name := step.get("name"), str) and is_name(name)


def _stand_in(value: Any, path: Path) -> dict[str, Any] | None:
    """What can stand for a wrong item of a list, so that the others keep their numbers."""
    if area_of(path) == "case":
        return {}
    if area_of(path) != "step":
        return None
    return {"name": value["name"] if isinstance(value, dict) else f"unnamed_{path[-1]}"}


def _holder(document: Any, path: Path) -> Any:
    for key in path[:-1]:
        document = child_of(document, key)
    return document
