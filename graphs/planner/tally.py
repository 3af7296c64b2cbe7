"""How a plan goes while its results come in."""

from graphs.planner.decisions import Halt, Join
from graphs.planner.plan import Plan, Results


class Tally:
    """Counts results as they are committed and says when the plan ends early.

    It looks at one result at a time, so a plan of thousands of steps costs no more per step than one of ten.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._open = {group: len(members) for group, members in plan.groups.items()}
        self._succeeded = 0
        self._lost: list[str] = []
        self._idle = 0

    def settle(self, name: str, results: Results) -> Halt | None:
        """Count one result that is already in `results`."""
        planned = self._plan.steps[name]
        if self._plan.join is not None and planned.group is not None:
            return self._count(self._plan.join, planned.group, results)
        subject = planned.stands_for or name
        companion = self._plan.companions.get(subject)
        if companion is not None and companion not in results:
            return None  # its companion decides
        if subject not in results or not self._plan.failed_for_good(subject, results):
            return None
        return self._failure(subject, results)

    def _count(self, join: Join, group: str, results: Results) -> Halt | None:
        self._open[group] -= 1
        if self._open[group]:
            return None
        match self._plan.fared(group, results):
            case "succeeded":
                self._succeeded += 1
                if join.first and self._succeeded == join.required:
                    return Halt("join", f"{join.required} of {len(self._open)} have succeeded", join.cancel)
            case "failed":
                self._lost.append(group)
            case "idle":
                self._idle += 1
        busy = len(self._open) - self._idle
        if self._lost and busy - len(self._lost) < join.needed(busy):
            return self._failure(self._lost[-1], results)
        return None

    def _failure(self, subject: str, results: Results) -> Halt | None:
        if self._plan.failure_policy == "continue":
            return None
        status = results[subject]["status"] if subject in results else "failed"
        return Halt(
            "failure", f"'{subject.rstrip('.')}' {status.replace('_', ' ')}", self._plan.failure_policy == "cancel"
        )
