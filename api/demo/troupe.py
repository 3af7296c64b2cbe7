"""One model that plays every part, as a real one would: whose it is, it reads in what it is told to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.models.scripts import Script


@dataclass(frozen=True, slots=True)
class Troupe(Script):
    """A script that speaks as others do.

    Attributes:
        parts: Scripts by words of the instructions of those who ask.
        otherwise_as: Speaks where none of these words occurs.
    """

    parts: Mapping[str, Script] = field(default_factory=dict)
    otherwise_as: Script = field(default_factory=lambda: Script("silent"))

    def part_in(self, told: str) -> Script:
        """Who speaks, where a conversation begins like this; of several, whose words are the most."""
        found = max((words for words in self.parts if words in told), key=len, default=None)
        return self.otherwise_as if found is None else self.parts[found]
