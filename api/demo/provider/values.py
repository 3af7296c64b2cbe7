"""What goes wrong with a provider, and what it was asked."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

FaultKind = Literal[
    "429",
    "500",
    "503",
    "401",
    "cut",
    "invalid_json",
    "empty",
    "huge",
    "content_filter",
    "length",
    "refusal",
    "wrong_tool",
    "bad_arguments",
    "slow",
    "late",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with the next answer.

    Attributes:
        kind: A status; `cut` (the connection breaks in the middle of the answer); `invalid_json`; `content_filter` and
            `length` (the answer says that it was broken off); `refusal` (it says that there will be none);
            `wrong_tool` (a tool nobody has), `bad_arguments` (no JSON); `slow` (`seconds` between words); `late`
            (`seconds` until the answer begins, which the model has finished and somebody pays for); `empty` (no
            words); `huge` (10 MB of them).
        times: For how many requests.
        retry_after: Seconds, for the header of that name.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: FaultKind
    times: int = 1
    retry_after: float | None = None
    seconds: float = 0.05


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        conversation: A digest of its messages: the same question again has the same.
        answered: False for requests that a fault failed.
    """

    number: int
    model: str
    conversation: str
    body: dict[str, Any]
    at: float
    answered: bool = True
