"""What the end leaves: what is to be undone, dead letters, alerts."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from graphs.planner import Conclusion
from graphs.policies import asked_by
from graphs.spec import Config
from graphs.spec import Undoing as Wanted
from graphs.state import ExecutionStatus
from graphs.undo import COMPENSATION, Compensation, compensations
from orchestrator.driving.aftermath import (
    alert,
    alert_level,
    gone_on_from,
    ground_undone,
    keeps_failures,
    left_undone,
    letter,
)
from orchestrator.driving.resting import Resting
from orchestrator.store.port import TIMEOUT_BY, DeadLetter, Record
from orchestrator.time_travel.anew import failed_paths, is_inside
from orchestrator.time_travel.ownership import INHERITANCE_UNDONE


class Leaving(Resting):
    """The chapter on what is left."""

    def compensates(self, conclusion: Conclusion, config: Config) -> Wanted:
        if self.execution.replay is not None:  # nothing was done that could be undone
            return "never"
        if conclusion.status == "completed":  # parts of it may have failed
            return "done"
        asked = asked_by(conclusion.error, config, timed_out=conclusion.status == "timed_out").compensate
        request = self._request
        if self.execution.concluded is not None:  # that was settled before
            if not self.execution.concluded["compensate"]:
                return "never"
            by_somebody = request is not None and request.get("by") != TIMEOUT_BY
            before = {} if request is None or request.get("concluded") else request
            return "always" if by_somebody and before.get("compensate") else asked
        if request is not None and request.get("by") != TIMEOUT_BY:
            # Whoever cancels leaves things as they are: undoing is asked for in words, not assumed.
            wanted = request.get("compensate")
            return "always" if (config.compensate_on_cancel if wanted is None else wanted) else "never"
        if conclusion.status == "timed_out" and not config.compensate_on_timeout:
            return "never"
        return asked

    async def _compensation(self, conclusion: Conclusion) -> Compensation:
        """What is to be undone."""
        wanted = self.compensates(conclusion, self.workflow.spec.config)
        if wanted == "never":
            return Compensation([], {})
        history, clean_up = await self.history(), wanted == "always"
        return compensations(self.frame, history, conclusion, self.library, self.unseal, clean_up=clean_up)

    async def _left_behind(
        self,
        conclusion: Conclusion,
        status: ExecutionStatus,
        error: Mapping[str, Any] | None,
        undone: list[str],
    ) -> tuple[list[DeadLetter], list[Record]]:
        """What people find afterwards: dead letters, and what they are told."""
        execution, now, config = self.execution, self.clock.now(), self.workflow.spec.config
        if execution.replay is not None:  # nothing has failed in the world outside
            return [], []
        letters = list(left_undone(execution, self.board.extras, now))
        if self._keeps_failures():
            letters += gone_on_from(execution, await self.results(""), now)
        asked = None
        if conclusion.status in ("failed", "timed_out"):
            asked = asked_by(error, config, timed_out=conclusion.status == "timed_out")
            if asked.dead_letter and not (self._request or {}).get("discarded"):  # somebody saw to it
                letters.append(await self._failure(conclusion, error or {}, asked.escalate, undone))
        level = alert_level(asked, letters)
        if level == "none":
            return letters, []
        escalated = any(one.escalated for one in letters) or (asked is not None and asked.escalate)
        return letters, [alert(execution, level, status, error, now, escalated=escalated)]

    async def _failure(
        self, conclusion: Conclusion, error: Mapping[str, Any], escalated: bool, undone: list[str]
    ) -> DeadLetter:
        paths = failed_paths(self.workflow, await self.results(""), self.library)
        top = conclusion.step or ""
        inner = [path for path in paths if path == top or is_inside(path, top)] if top else []
        return letter(
            self.execution,
            "failure",
            (inner or [top])[0],
            error,
            self.clock.now(),
            escalated=escalated,
            paths=paths,
            undone=undone,
        )

    async def _undone(self, conclusion: Conclusion) -> list[str]:
        """The steps that have been undone."""
        if (compensation := self.board.extras.get(COMPENSATION)) is None:
            return []
        done = compensation["output"]["compensated"]
        undoings = (await self._compensation(conclusion)).undoings
        undone = [one.planned.undoes for one in undoings if one.planned.name in done]
        return list(dict.fromkeys(path for path in undone if path is not None))

    async def _left_alone(self, conclusion: Conclusion) -> dict[str, str]:
        """What is another execution's to undo, which this one was forked off: paths, and whose."""
        if self.execution.parent is None or conclusion.status == "completed" or self.terminated is not None:
            return {}
        return (await self._compensation(conclusion)).left_alone

    async def _heirs(self, undone: Sequence[str]) -> list[Record]:
        """Records for those that were forked off it, and go by what has been undone now; and what people are told."""
        if not undone:
            return []
        records, now = [], self.clock.now()
        for heir, paths in (await self._works.store.heirs(self.execution.id, undone)).items():
            data = {"by": self.execution.id, "paths": list(paths)}
            records.append(Record(heir, INHERITANCE_UNDONE, now, data=data))
            execution = await self._works.store.execution(heir)
            if execution is not None and (not execution.status.final or execution.status == ExecutionStatus.COMPLETED):
                records.append(ground_undone(execution, self.execution.id, paths, now))
        return records

    def _keeps_failures(self) -> bool:
        pinned = [self.library.workflow(digest) for digest in self.execution.pins.values()]
        return any(
            self.library.remember("keeps_failures", one.digest, partial(keeps_failures, one))
            for one in (self.workflow, *pinned)
            if one is not None
        )
