"""Named things that an application offers to its steps: services, functions, tools, agents, scripts."""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from graphs.errors import ConflictError, StepError
from graphs.loading.names import listing, nearest


class Named(Protocol):
    """Whatever has a name."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """Values by name. A name that is not there is answered with the nearest one that is.

    Attributes:
        word: What one of them is called in messages, and the first part of error codes.
        remedy: How one is added, as a sentence.
    """

    word: ClassVar[str]
    remedy: ClassVar[str]

    def __init__(self, entries: Iterable[T] = ()) -> None:
        self._entries: dict[str, T] = {}
        for entry in entries:
            self.add(entry)

    def add(self, entry: T) -> None:
        """Offer one more.

        Raises:
            ConflictError: the name is taken.
        """
        if entry.name in self._entries:
            raise ConflictError(
                f"{self.word} '{entry.name}' is registered twice.",
                hint="Give one of the two another name.",
                code=f"{self.word}_twice",
            )
        self._entries[entry.name] = entry

    def joined(self, other: "Registry[T]") -> Self:
        """One with the entries of both; neither of them is changed.

        Raises:
            ConflictError: both have one of the same name.
        """
        both = copy(self)
        both._entries = dict(self._entries)
        for entry in other:
            both.add(entry)
        return both

    def get(self, name: str) -> T:
        """The one of that name.

        Raises:
            StepError: there is none; trying again cannot help.
        """
        try:
            return self._entries[name]
        except KeyError:
            raise StepError(
                f"there is no {self.word} '{name}'.",
                category="validation",
                code=f"{self.word}_unknown",
                hint=self.suggestion(name),
            ) from None

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[T]:
        """In the order they were added."""
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def suggestion(self, name: str) -> str:
        """The hint for a name that is not there."""
        if not self._entries:
            return f"None is registered. {self.remedy}"
        near = nearest(name, self._entries)
        return f"Did you mean '{near}'?" if near is not None else f"{listing(self.names())} {self.remedy}"
