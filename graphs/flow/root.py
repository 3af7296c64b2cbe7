"""What the bodies of a plan need of the world they are in: the port at the root of a tree of flows."""

from collections.abc import Mapping
from typing import Any, Protocol


class Root(Protocol):
    """What a tree of flows asks of the drive it belongs to."""

    def idle(self) -> None:
        """Everybody rests. Park (now or later), or find that this is a deadlock."""
        ...

    def stirred(self) -> None:
        """Somebody can go on again, after `idle`."""
        ...

    def failed(self, error: BaseException) -> None:
        """A commit was lost: end this drive."""
        ...

    def asked(self, end: Mapping[str, Any] | None, *, held: bool) -> None:
        """Somebody has asked for the end, in these words, or has it `held`: start nothing new."""
        ...

    @property
    def broke_off(self) -> bool:
        """Whether the drive before was not left in order: its process died, or nothing could be kept any more."""
        ...

    def place(self, path: str) -> float:
        """Where a step's result stands in the order of commits; infinite for one that came since this drive began."""
        ...
