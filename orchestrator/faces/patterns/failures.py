"""From an execution that went wrong to the document's errors: the object at the failed place explains it."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from graphs.errors import StepError
from graphs.policies.retry import is_retried
from graphs.spec import Step
from graphs.spec import Workflow as Definition
from graphs.state import Result
from orchestrator.faces.patterns.errors import MaxRetriesExceededError, PatternError, WorkflowStepFailed
from orchestrator.faces.running import Ended, all_steps


class Explains(Protocol):
    """Whatever a step of the workflow was made for."""

    @property
    def name(self) -> str: ...

    def explain(self, failure: "Failure", path: str, result: Result) -> Exception: ...


class Failure:
    """An execution that has not completed.

    Args:
        owners: By step name, the object the step was made for.
        raised: What steps raised in this process, by path.
    """

    def __init__(
        self, workflow: Definition, owners: Mapping[str, Explains], ended: Ended, raised: Mapping[str, Exception]
    ) -> None:
        self._owners = owners
        self._execution = ended.execution
        self._results = ended.results
        self._raised = raised
        self._steps: Mapping[str, Step] = {step.name: step for step in all_steps(workflow.spec.steps)}

    def as_error(self) -> Exception:
        """What to raise."""
        error = self.within("")
        if error is not None:
            return error
        told = self._execution.error or {}
        why = told.get("message") or f"it {self._execution.status.said}"
        return PatternError(f"execution '{self._execution.id}' did not complete: {why}", retryable=False)

    def within(self, path: str) -> Exception | None:
        """Why the steps directly inside of a path failed; None when none of them did."""
        for inner, result in self._directly_in(path):
            if result["status"] in ("failed", "timed_out") and not result.get("continued"):
                return self._owners[_name(inner)].explain(self, inner, result)
        return None

    def _directly_in(self, path: str) -> Iterator[tuple[str, Result]]:
        prefix = f"{path}." if path else ""
        for inner, result in self._results.items():
            if inner.startswith(prefix) and "." not in inner[len(prefix) :] and _name(inner) in self._owners:
                yield inner, result

    def of_step(self, step: Explains, path: str, result: Result) -> Exception:
        """The error of a step that acts."""
        cause = self._raised.get(path)
        if isinstance(cause, PatternError):
            return cause
        told = self.told(result)
        policy = self._steps[_name(path)].retry
        if policy is not None and is_retried(policy, told.category):
            error: PatternError = MaxRetriesExceededError(step.name, cause or told)
        else:
            error = WorkflowStepFailed(step, error=told)
        error.__cause__ = cause
        return error

    def told(self, result: Result) -> StepError:
        """The error as it is kept."""
        error: Mapping[str, Any] = result.get("error") or {}
        return StepError(
            error.get("message", "it failed"),
            category=error.get("category", "logic"),
            code=error.get("code"),
            hint=error.get("hint"),
        )


def _name(path: str) -> str:
    return path.rpartition(".")[2]
