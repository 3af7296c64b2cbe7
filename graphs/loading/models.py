"""Which model stands at a place: so that an unknown key can be answered with the nearest right one."""

import types
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from graphs.loading.places import Path


class Unfolded(NamedTuple):
    """What an error's `loc` says, freed of pydantic's own marks.

    Attributes:
        path: Keys and indexes of the document.
        owner: The model whose field the path's last key is (or would be).
        union: How much of the path leads to a value that could have been of several kinds; None without one.
        branch: Which of the kinds this error speaks of.
    """

    path: Path
    owner: type[BaseModel] | None
    union: Path | None = None
    branch: str | None = None


def unfold(model: type[BaseModel], loc: Sequence[str | int]) -> Unfolded:
    """Follow an error's `loc` through the types of a model."""
    path: list[str | int] = []
    annotation: Any = model
    owner: type[BaseModel] | None = None
    union: Path | None = None
    branch: str | None = None
    for key in loc:
        members = _members(annotation)
        if len(members) > 1:
            chosen = [member for member in members if _is_mark_of(key, member)]
            union, branch, annotation = tuple(path), str(key), chosen[0] if chosen else Any
            continue
        if key == "[key]":
            break
        owner = None
        kind = members[0] if members else Any
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            owner, annotation = kind, _field(kind, key)
        else:
            annotation = _item(kind)
        path.append(key)
    return Unfolded(tuple(path), owner, union, branch)


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys a model takes, as they are written."""
    return [key for name, field in model.model_fields.items() for key in _spellings(name, field)]


def required_keys_of(model: type[BaseModel]) -> set[str]:
    """Those of them it cannot do without."""
    return {field.alias or name for name, field in model.model_fields.items() if field.is_required()}


def _spellings(name: str, field: FieldInfo) -> list[str]:
    if isinstance(field.validation_alias, AliasChoices):
        return [choice for choice in field.validation_alias.choices if isinstance(choice, str)]
    return [field.alias or name]


def key_of_model_with(model: type[BaseModel], key: str) -> str | None:
    """The key under which a model holds the one other model that takes `key`: `steps` is one of `spec`'s."""
    found = [
        _spellings(name, field)[0]
        for name, field in model.model_fields.items()
        for member in _members(field.annotation)
        if _is_model(member) and key in keys_of(member)
    ]
    return found[0] if len(found) == 1 else None


def _members(annotation: Any) -> list[Any]:
    """What a type can be; null does not count, as pydantic makes no union of it."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for member in get_args(annotation) if member is not type(None)]
    return [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_mark_of(mark: str | int, annotation: Any) -> bool:
    """Whether pydantic's mark in a `loc` (`dict[str,any]`, `Step`) stands for a member of a union."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    plain = get_origin(annotation) or annotation
    name = getattr(plain, "__name__", str(plain))
    # A model that has validators of its own is `function-after[check(), Step]`, one inside the other.
    return isinstance(mark, str) and (mark.lower().startswith(name.lower()) or mark.rstrip("]").endswith(f", {name}"))


def _field(model: type[BaseModel], key: str | int) -> Any:
    for name, field in model.model_fields.items():
        if key in (name, *_spellings(name, field)):
            return field.annotation
    return Any


def _item(annotation: Any) -> Any:
    """The type of what a list or a mapping holds."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    arguments = [argument for argument in get_args(annotation) if argument is not Ellipsis]
    return arguments[-1] if arguments else Any
