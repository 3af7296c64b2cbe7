"""The step types an engine knows."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from graphs.errors import DefinitionError, Problem
from graphs.steps.kinds import StepType


class StepTypes(Mapping[str, StepType]):
    """The step types an engine knows, by name."""

    def __init__(self, types: Iterable[StepType]) -> None:
        self._types: dict[str, StepType] = {}
        for kind in types:
            if kind.name in self._types:
                raise DefinitionError(
                    [
                        Problem(
                            code="step_type_twice",
                            message=f"step type '{kind.name}' is offered twice: by {type(self._types[kind.name])!r} "
                            f"and by {type(kind)!r}.",
                        )
                    ]
                )
            self._types[kind.name] = kind

    def __getitem__(self, name: str) -> StepType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    @property
    def offered(self) -> Mapping[str, StepType]:
        """Those that any workflow may be written with."""
        return {name: kind for name, kind in self._types.items() if kind.written_in is None}

    def suggestion(self, name: str) -> str:
        """The hint for a name that is no step type, or none that may stand there."""
        offered = self.offered
        near = get_close_matches(name, offered, n=1) if name not in self._types else []
        known = f"Known: {', '.join(sorted(offered))}."
        return f"Did you mean '{near[0]}'? {known}" if near else known
