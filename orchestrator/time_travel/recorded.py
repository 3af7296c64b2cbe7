"""What an execution did, as a replay of it is served with it.

Most steps are found under their own path. A tool that an agent calls is found by what it was called with: another model
may call it earlier, later, or beside others.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from agents.reasoning.conversation import model_step
from graphs.state import Result
from orchestrator.store.sqlite import SqliteStore
from orchestrator.time_travel.other_agents import instead

SoFar = Callable[[str], Result | None]

_CALL: Final = re.compile(r"\[(\d+)\]\.([A-Za-z0-9_-]+)-(\d+)(?=$|[.\[~])")
"""A call of a tool in a path: turn, tool, position."""


class _Call(NamedTuple):
    turn: int
    position: int
    tool: str
    args: str

    @property
    def what(self) -> tuple[str, str]:
        return self.tool, self.args

    @property
    def segment(self) -> str:
        return f"[{self.turn}].{self.tool}-{self.position}"


@dataclass(frozen=True)
class Recorded:
    """The results of an execution, to be served to another.

    Attributes:
        results: By path.
        performed: Names of steps that are performed and not served.
        changes: What agents are given in place of what they say (`other_agents.changes_of`).
    """

    results: Mapping[str, Result]
    performed: frozenset[str] = field(default_factory=frozenset)
    changes: Mapping[str, str] = field(default_factory=dict)

    def instead(self, path: str) -> Mapping[str, str]:
        """See `graphs.host.Recording`."""
        return instead(self.changes, path)

    def find(self, path: str, so_far: SoFar) -> tuple[str, Result] | None:
        """See `graphs.host.Recording`."""
        recorded = self._path(path, so_far)
        if recorded is None or (result := self.results.get(recorded)) is None:
            return None
        return recorded, result

    def _path(self, path: str, so_far: SoFar) -> str | None:
        """Where the record has what stands at a path of the replay; None when an agent did not call that there."""
        recorded, end = "", 0
        for match in _CALL.finditer(path):
            agent, before = path[: match.start()], recorded + path[end : match.start()]
            calls = list(_calls(agent, so_far))
            here = next((one for one in calls if one.segment == match.group()), None)
            if here is None:  # it only looks like one
                continue
            same = [one for one in _calls(before, self.results.get) if one.what == here.what]
            if not same:
                return None
            nth = [one for one in calls if one.what == here.what].index(here)
            # Called more often than it was recorded: it gave that when it was asked last.
            recorded, end = before + same[min(nth, len(same) - 1)].segment, match.end()
        return recorded + path[end:]


def _calls(agent: str, results: SoFar) -> Iterator[_Call]:
    """What an agent called, in order."""
    turn = 0
    while (result := results(f"{agent}{model_step(turn)}")) is not None:
        said: Mapping[str, Any] = result.get("output") or {}
        for position, call in enumerate(said.get("calls", ())):
            yield _Call(turn, position, call["name"], json.dumps(call["args"], sort_keys=True))
        turn += 1


async def opened(store: SqliteStore, replay: Mapping[str, Any] | None) -> Recorded | None:
    """The record that a replay is served from; None for any other execution."""
    if replay is None:
        return None
    return Recorded(await store.results(replay["of"]), frozenset(replay["perform"]), replay.get("changes", {}))
