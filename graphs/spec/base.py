"""The words every part of the language is made of: names, JSON values, and the strict, frozen model."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]{0,127}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
WorkflowName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,127}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$")]

Json = Any
"""A JSON value; strings in it may hold `{{ expressions }}` where the field says it is templatable."""

Outcome = Literal["succeeded", "settled", "failed"]


class Model(BaseModel):
    """The base of the language: frozen, strict about unknown keys, readable under alias and name."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # a fifth of a process's start: most are never used in it
    )


def is_name(text: str) -> bool:
    """Whether the text can name a step."""
    return re.fullmatch(NAME_PATTERN, text) is not None
