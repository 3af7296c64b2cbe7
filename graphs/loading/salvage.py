"""What can still be checked of a document that does not fit the model: the rest, with the wrong parts taken out."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from graphs.loading.gaps import Gaps
from graphs.loading.models import required_keys_of, unfold
from graphs.loading.places import Path, area_of, child_of
from graphs.loading.words import Complaint, complaints
from graphs.spec import Workflow, is_name

_ROUNDS = 16
"""What was hidden by a wrong part is found in the next round; nesting is not deeper than that."""


class Salvaged(NamedTuple):
    """A workflow made of the right parts, and what is missing from it.

    Attributes:
        listed: Mappings that were taken for the lists they should be, by path: the key of each item.
        inside: What the model does not accept of these.
    """

    workflow: Workflow
    gaps: Gaps
    listed: dict[Path, list[str]]
    inside: list[Complaint]

    def as_written(self, path: Path) -> Path:
        """Where something stands in the document as it was."""
        for length in range(len(path) - 1, -1, -1):
            keys, index = self.listed.get(path[:length]), path[length]
            if keys is not None and isinstance(index, int):
                path = (*path[:length], keys[index], *path[length + 1 :])
        return path


def salvage(document: dict[str, Any], error: ValidationError) -> Salvaged | None:
    """Take the wrong parts out of a document (in place) until the rest fits; None when too little is left."""
    taken: dict[Path, Any] = {}
    listed: dict[Path, list[str]] = {}
    inside: list[Complaint] = []
    for _ in range(_ROUNDS):
        for path in _wrong_paths(error):
            if (keys := _list_of_mapping(document, path)) is not None:
                listed[path] = keys
                continue
            found = _take_out(document, path)
            if found is None:
                return None
            taken[found[0]] = found[1]
        try:
            return Salvaged(Workflow.model_validate(document), Gaps(taken), listed, inside)
        except ValidationError as again:
            error = again
            inside += [one for one in complaints(Workflow, again) if _is_new(one.path, listed, taken)]
    return None


def _is_new(path: Path, listed: Mapping[Path, Any], taken: Mapping[Path, Any]) -> bool:
    """Whether something is wrong that could not be seen before, and not only because a part of it was taken out."""
    within = any(path[: len(one)] == one for one in listed)
    return within and not any(one[: len(path)] == path for one in taken)


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


def _list_of_mapping(document: dict[str, Any], path: Path) -> list[str] | None:
    """Make a list of steps (or cases) that are written under their names; gives the names."""
    if area_of(path) not in ("list", "cases"):
        return None
    holder = _holder(document, path)
    value = child_of(holder, path[-1])
    if not isinstance(holder, dict) or not isinstance(value, dict) or not value:
        return None
    if not all(isinstance(item, dict) for item in value.values()):
        return None
    holder[path[-1]] = [{"name": key, **item} for key, item in value.items()]
    return list(value)


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
