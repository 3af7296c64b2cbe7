"""What somebody asked of an execution, for those who come after."""

from typing import Any, NamedTuple

from orchestrator.store.values.executions import TIMEOUT_BY


class Asked(NamedTuple):
    """What somebody asked of an execution; `by` is None where nobody said who that was."""

    by: str | None
    at: str
    what: str

    @property
    def words(self) -> str:
        """As a sentence."""
        who = "Its time limit" if self.by == TIMEOUT_BY else self.by or "Somebody"
        return f"{who} {self.what} at {self.at}."

    @property
    def details(self) -> dict[str, Any]:
        """For an error."""
        return {"by": self.by, "at": self.at}
