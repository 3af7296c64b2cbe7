"""`escalation`: a failed step put before a person, who has it tried again, goes on without it, or lets it fail (E16).

It is what `on_failure: escalate` makes, as often as the step fails again; nobody writes it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from graphs.composites.base import Composite, Data, Opening, plan_of
from graphs.durations import Duration
from graphs.errors import StepError
from graphs.expressions import EvaluationContext
from graphs.planner import COMPANION, Conclusion, Plan, PlannedStep, failed, plan_steps
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import FromState, OnFailure, Step
from graphs.state import Result
from graphs.steps import NOBODY, StepConfig

MOST = 100
"""How often one failure is put before people at most."""


class EscalationConfig(StepConfig):
    """As `graphs.spec.Escalation`; `output` is what stands for the step's when nobody decides in time."""

    message: str | None = None
    assignees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    timeout: Duration | None = None
    on_timeout: Literal["fail", "continue"] = "fail"
    output: Any = None
    keep: bool = False


class Escalation(Composite):
    """Asks, does what is answered, and asks again when that fails."""

    name: ClassVar[str] = "escalation"
    summary: ClassVar[str] = "puts a failed step before a person; made by on_failure: escalate"
    written_in = NOBODY
    Config = EscalationConfig
    containers: ClassVar[frozenset[str]] = frozenset({"steps"})
    required_containers: ClassVar[frozenset[str]] = frozenset({"steps"})
    grows: ClassVar[bool] = True

    async def open(self, opening: Opening) -> Data:
        config: EscalationConfig = opening.config
        error = dict(opening.names.get("error") or {})
        if error.get("outcome") == "unknown":
            error["idempotency_key"] = _key_before(opening.context.idempotency_key)
        return {**config.model_dump(mode="json"), "error": error}

    def plan(self, step: Step, data: Data, library: Library) -> Plan:
        return plan_of(_course(step, data, data["results"], library), failure_policy="continue")

    def grow(
        self, step: Step, data: Data, frame: Frame, library: Library, evaluation: EvaluationContext
    ) -> list[PlannedStep]:
        course = _course(step, data, frame.results, library)
        return [planned for planned in course if planned.name not in frame.plan.steps]

    def response(
        self, step: Step, data: Data, frame: Frame, conclusion: Conclusion, evaluation: EvaluationContext
    ) -> Any:
        last = max(0, *(int(name[1 : name.index("]")]) for name in frame.results)) if frame.results else 0
        again = frame.results.get(f"[{last}].{step.steps[0].name}")
        said = _said(frame.results, f"[{last}].{_ask_name(step)}")
        if again is not None and again["status"] == "completed":
            return again.get("output")
        if said.get("decision") == "responded":
            return said.get("data")
        if said.get("decision") == "timed_out" and data["on_timeout"] == "continue":
            return data["output"]
        if conclusion.step is None and conclusion.status in ("cancelled", "timed_out"):
            return None  # whoever ended the execution did: nobody has let the step fail
        error = (again.get("error") if again is not None else None) or data["error"]
        raise StepError(
            str(error.get("message", "it failed")),
            category=error.get("category", "logic"),
            code=error.get("code", "step_failed"),
            retryable=False,
            decided_by=said.get("by"),
            reason=said.get("reason"),
        )


def _course(step: Step, data: Data, results: Mapping[str, Result], library: Library) -> list[PlannedStep]:
    """What was asked and done so far, and what is next: read from results alone, so that a crash changes nothing."""
    course: list[PlannedStep] = []
    error = data["error"]
    for index in range(MOST):
        course += _placed(_asking(step, data, error), index, library)
        said = _said(results, course[-1].name)
        if said.get("decision") not in ("approved", "edited"):
            break
        course += _placed(_trying(step, said, library), index, library)
        again = results.get(course[-1].name)
        if again is None or not failed(again):
            break
        error = {**(again.get("error") or {}), "idempotency_key": again.get("idempotency_key")}
    return course


def _key_before(key: str) -> str:
    """What the step was tried with whose failure is answered under this key."""
    path, _, generation = key.rpartition(":")
    return f"{path.removesuffix(COMPANION)}:{generation}"


def answered(results: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Attempts that people have answered in place of, by path, each with what they said: of the step at a path, and of
    those that were made because somebody wanted that.

    Args:
        results: Of an execution, by path.
    """
    name = path.rpartition(".")[2]
    asked, tried = _asked_as(name), path
    for index in range(MOST):
        around = f"{path}{COMPANION}[{index}]"
        said = _said(results, f"{around}.{asked}")
        if said.get("decision") == "responded":
            yield tried, said.get("data")
        if not said:
            return
        tried = f"{around}.{name}"


def _said(results: Mapping[str, Result], name: str) -> Mapping[str, Any]:
    """What a person answered; nothing while nobody has."""
    answer = results.get(name)
    return (answer.get("output") if answer is not None else None) or {}


def _ask_name(step: Step) -> str:
    return _asked_as(step.steps[0].name)


def _asked_as(subject: str) -> str:
    return "ask" if subject != "ask" else "ask_person"


def _asking(step: Step, data: Data, error: Mapping[str, Any]) -> Step:
    subject = step.steps[0]
    message, why = data.get("message"), error.get("message", "")
    if message is None:
        message = f"Step '{subject.name}' failed: {why}"
    elif error is not data["error"]:  # their own words are about the failure before
        message = f"{message}\nTried again, it failed: {why}"
    if error.get("outcome") == "unknown":
        then = (
            ". If it has, respond with what it gave: it then stands."
            if data.get("keep")
            else "; what undoes it does that at the end."
        )
        key = error.get("idempotency_key")
        message = f"{message}\nIt was cut off, and may have acted all the same, under the key '{key}'{then}"
    config: dict[str, Any] = {
        "message": FromState(lambda _: message),  # what an error says is no expression
        "assignees": list(data["assignees"]),
        "groups": list(data["groups"]),
        "allow": ["approve", "edit", "respond", "reject"],
        "on_reject": "continue",
        "on_timeout": "continue",
    }
    if subject.input is not None:
        config["payload"] = subject.input
    if data.get("timeout") is not None:
        config["timeout"] = data["timeout"]
    return Step(name=_ask_name(step), type="approval", config=config)


def _trying(step: Step, said: Mapping[str, Any], library: Library) -> Step:
    """The step once more, with what was changed in its input, or (where it has none) in what its configuration says
    that it is given."""
    subject, data = step.steps[0], f"steps.{_ask_name(step)}.output.data"
    update: dict[str, Any] = {"on_failure": OnFailure(action="continue")}
    if said["decision"] == "edited" and subject.input is not None:
        update["input"] = f"{{{{ {data} }}}}"
    elif said["decision"] == "edited" and isinstance(said.get("data"), Mapping):
        changed = {key: f"{{{{ {data}[{json.dumps(key)}] }}}}" for key in said["data"]}
        update |= _changed(subject, changed, said["data"], library)
    return subject.model_copy(update=update)


def _changed(subject: Step, changed: Mapping[str, str], given: Mapping[str, Any], library: Library) -> dict[str, Any]:
    """A step with other values, by the names of what it is given, or of keys of its configuration."""
    takes, config = library.kind(subject).takes, subject.config
    where = next((key for key in takes if isinstance(config.get(key), Mapping)), None)
    own = {key: value for key, value in changed.items() if not takes or key in takes or key in config}
    fields = {key: value for key, value in changed.items() if key not in own}
    if where is not None and where not in own and fields:
        return {"config": {**config, **own, where: {**config[where], **fields}}}
    update: dict[str, Any] = {"config": {**config, **own}}
    if fields:  # it is given the input of all
        more = {key: given[key] for key in fields}
        update["input"] = FromState(lambda state: {**(state.input if isinstance(state.input, Mapping) else {}), **more})
    return update


def _placed(step: Step, index: int, library: Library) -> list[PlannedStep]:
    return plan_steps([step], library.node_of, local=f"[{index}].")
