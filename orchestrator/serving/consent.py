"""What an application's own code says about each thing somebody wants, where it has a say (the `auth` of a
langgraph.json)."""

from collections.abc import Mapping
from typing import Any, Protocol


class Consent(Protocol):
    """Asks that code in the name of one user."""

    @property
    def user(self) -> Mapping[str, Any]:
        """The user as graphs are told of them."""
        ...

    async def run(self, value: dict[str, Any]) -> Mapping[str, Any]:
        """Judge a run that is wanted, in the words of LangGraph's handlers; the value may be changed.

        Returns:
            Conditions that the metadata of its thread must fulfil (see `fits`).

        Raises:
            NotAllowedError: they may not.
        """
        ...

    async def sees(self, thread_id: str, metadata: Mapping[str, Any]) -> bool:
        """Whether they may look at a thread with that metadata."""
        ...


def fits(metadata: Mapping[str, Any], only: Mapping[str, Any]) -> bool:
    """Whether metadata fulfils what a handler has given as conditions."""
    return all(_holds(metadata.get(name), wanted) for name, wanted in only.items())


def _holds(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(value == wanted)
    if "$eq" in wanted:
        return bool(value == wanted["$eq"])
    several = wanted.get("$contains")
    needed = several if isinstance(several, list) else [several]
    return isinstance(value, list) and all(each in value for each in needed)
