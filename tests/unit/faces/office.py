"""The course's dataclasses, at work in an office that notes what it is given."""

from collections.abc import Callable
from typing import Any

from agents import Agent, Agents, Functions, Tools, tool
from graphs.spec import Step
from orchestrator.faces.enterprise import AdvancedWorkflow, StepType, WorkflowStep
from orchestrator.faces.running import Ended, Means, Start, carry_out
from tests.unit.faces.conftest import PromptClock, scripted


def workflow(*steps: WorkflowStep, **more: Any) -> AdvancedWorkflow:
    return AdvancedWorkflow("advanced", "advanced", "", steps=list(steps), **more)


def only(step: WorkflowStep, **more: Any) -> Step:
    return workflow(step, **more).to_workflow().spec.steps[0]


def act(step_id: str, action: str = "act", **fields: Any) -> WorkflowStep:
    return WorkflowStep(step_id, step_id, StepType.SINGLE, action=action, **fields)


class Office:
    """Functions that note what they are given."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.calls: list[tuple[str, Any]] = []

    def functions(self) -> Functions:
        offered = Functions()
        for name in ("act", "look_up", "charge", "undo", "mail", "review"):
            offered.register(name, self._function(name))
        return offered

    def _function(self, name: str) -> Callable[..., Any]:
        def run(**given: Any) -> dict[str, Any]:
            self.calls.append((name, given))
            if name in self.failing:
                raise ConnectionError(f"{name} is down")
            return {"id": len(self.calls), "by": name}

        return run

    @property
    def called(self) -> list[str]:
        return [name for name, _ in self.calls]


async def run(advanced: AdvancedWorkflow, office: Office, **given: Any) -> Ended:
    @tool
    def stamp(text: str) -> dict[str, str]:
        """Stamp a text."""
        return {"stamped": text.upper()}

    clerk = Agent(name="clerk", capabilities=("data_analysis",))
    resources = (office.functions(), Tools([stamp]), Agents([clerk]), scripted())
    means = Means(resources=resources, clock=PromptClock())
    return await carry_out(advanced.to_workflow(), Start(input=given), means)
