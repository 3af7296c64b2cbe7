"""What the tests of the patterns build with: steps that leave a mark or fail, a client that says what it is told to."""

# ruff: noqa: A002 - `input` is the document's word

from typing import Any

from orchestrator.faces.patterns import (
    LLMRoutingWorkflow,
    WorkflowStep,
)


class Mark(WorkflowStep):
    """Adds its name to the trail it is given."""

    def __init__(self, name: str, log: list[str] | None = None) -> None:
        super().__init__(name)
        self._log = log if log is not None else []

    async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
        self._log.append(self.name)
        return {**input, "trail": [*input.get("trail", []), self.name]}


class Fail(WorkflowStep):
    """Fails so often, then works."""

    def __init__(self, *errors: Exception, name: str = "Fail") -> None:
        super().__init__(name)
        self._errors = list(errors)
        self._tries = 0

    async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
        self._tries += 1
        if self._errors:
            raise self._errors.pop(0)
        return {**input, "tries": self._tries}


class Client:
    """A client of a model that says what it is told to."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.prompts: list[str] = []

    async def complete(self, prompt: str) -> Any:
        self.prompts.append(prompt)

        class Response:
            text = self.answers.pop(0)

        return Response


def by_model(client: Any, **options: Any) -> LLMRoutingWorkflow:
    workflow = LLMRoutingWorkflow(client, **options)
    workflow.add_route("billing", [Mark("billed")]).add_route("hand over", [])
    return workflow
