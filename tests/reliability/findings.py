"""What the checker found."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Findings:
    """What the checker found. `wrong` is empty when everything held."""

    wrong: list[str] = field(default_factory=list)
    executions: int = 0
    steps: int = 0
    acts: int = 0
    repeats: int = 0
    effects: int = 0
    lost: int = 0
    doubled: int = 0
    undone: int = 0

    def lose(self, what: str) -> None:
        self.lost += 1
        self.wrong.append(f"lost: {what}")

    def double(self, what: str) -> None:
        self.doubled += 1
        self.wrong.append(f"twice: {what}")

    def deny(self, what: str) -> None:
        self.wrong.append(what)
