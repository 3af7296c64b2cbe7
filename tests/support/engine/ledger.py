"""Steps whose deeds stand in a ledger, as a bank would have one: every act and every undoing, under the act's key."""

from collections import Counter
from typing import Any, ClassVar

from graphs.steps import Action, StepConfig, StepContext
from orchestrator.cli.support.story import Story
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution
from tests.support.engine.engines import act
from tests.support.engine.steps import step_types


class Ledger:
    """What was done, and what of it was taken back, by key."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.undone: list[str] = []

    def left(self) -> list[str]:
        """What was done and not undone. Nothing may be undone twice, nor what was never done."""
        assert set(self.undone) <= set(self.done), self.undone
        assert not [key for key, times in Counter(self.undone).items() if times > 1], self.undone
        return [key for key in self.done if key not in self.undone]


class DeedConfig(StepConfig):
    """What is taken back (a key), or nothing: then something is done."""

    back: str | None = None
    fail: bool = False
    effect: bool = False


class Deed(Action):
    """Does something that stands in the ledger, or takes it back."""

    name: ClassVar[str] = "deed"
    Config = DeedConfig

    async def run(self, context: StepContext, config: DeedConfig) -> Any:
        ledger = context.resource(Ledger)
        if config.fail:
            raise ValueError("asked to fail")
        if config.back is not None:
            ledger.undone.append(config.back)
            return {}
        ledger.done.append(context.idempotency_key)
        if config.effect:
            undo = {"type": "deed", "config": {"back": context.idempotency_key}}
            await context.effect(undo, name="take_back", result={})
        return {"key": context.idempotency_key}


TYPES = step_types(Deed())


def deed(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    """A step that is undone by one that names its key."""
    undo = {"name": f"undo_{name}", "type": "deed", "config": {"back": "{{ output.key }}"}} | more.pop("undo", {})
    return {"name": name, "type": "deed", "depends_on": list(needs), "compensate": undo, **more}


def bad(*needs: str) -> dict[str, Any]:
    return act("bad", *needs, fail="{{ input.broken }}")


def keys(execution: Execution, *names: str, generation: int = 0) -> list[str]:
    return [f"{execution.id}:{name}:{generation}" for name in names]


async def told(baton: Orchestrator, execution: Execution) -> dict[str, str]:
    """What its story says of each step."""
    story = Story(execution)
    story.tell(await baton.records(execution.id))
    return {node.path: node.detail for node in story.steps() if node.detail}
