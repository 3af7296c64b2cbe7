"""The workflow of the state machine: its steps end when the test says so, and how it says."""

import asyncio
from collections import Counter
from typing import Any, ClassVar

from graphs.errors import StepError
from graphs.steps import Action, StepConfig, StepContext
from tests.reliability.reference import DELAY, NEEDS, PAUSE, UNDONE
from tests.support.engine.engines import workflow
from tests.support.engine.steps import step_types


class Hands:
    """Ends steps when the test says so. A resource of every engine on the file.

    Attributes:
        at_work: By execution and path: where to say how the step ends.
        begun: How often each attempt began since the last crash, or since somebody went back.
    """

    def __init__(self) -> None:
        self.at_work: dict[tuple[str, str], asyncio.Future[bool]] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self.begun: Counter[tuple[str, int]] = Counter()

    async def work(self, context: StepContext) -> None:
        place = (context.execution_id, context.path)
        assert place not in self.at_work, f"{place} is at work twice"
        ends = self.at_work[place] = asyncio.get_running_loop().create_future()
        self.keys[place] = context.idempotency_key
        self.begun[context.idempotency_key, context.attempt] += 1
        try:
            well = await ends
        finally:
            del self.at_work[place], self.keys[place]
        if not well:
            raise StepError("asked to fail", category="transient")


class ByHand(Action):
    """A step that somebody ends."""

    name: ClassVar[str] = "by_hand"
    Config = StepConfig

    async def run(self, context: StepContext, config: StepConfig) -> Any:
        await context.resource(Hands).work(context)
        return {}


def _step(name: str) -> dict[str, Any]:
    step: dict[str, Any] = {"name": name, "depends_on": list(NEEDS[name])}
    if name in UNDONE:
        step["compensate"] = {"name": f"undo_{name}", "type": "by_hand"}
    match name:
        case "q":
            return step | {"type": "approval"}
        case "e":
            config = {"event_type": "news", "filter": {"topic": "{{ input.topic }}"}, "timeout": None}
            return step | {"type": "wait_for_event", "config": config}
        case "d":
            return step | {"type": "delay", "config": {"seconds": DELAY}}
        case "b":
            retry = {"max_attempts": 2, "backoff": "fixed", "initial_delay": PAUSE, "jitter": 0}
            return step | {"type": "by_hand", "retry": retry}
    return step | {"type": "by_hand"}


WORKFLOWS = {
    patient: workflow(
        "patient" if patient else "hasty",
        [_step(name) for name in NEEDS],
        config={"failure_policy": "continue" if patient else "cancel"},
    )
    for patient in (True, False)
}
TYPES = step_types(ByHand())
