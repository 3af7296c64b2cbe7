"""Which steps of a workflow change the world outside, or may: a person is asked before a model's plan does."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.planning.offer import Offered
from agents.planning.unseen import approval_of
from agents.tools.tools import Tool
from graphs.loading.findings import Findings
from graphs.spec import Step, Workflow
from graphs.steps import StepTypes
from graphs.validation.expressions import read_field
from graphs.validation.fields import fields_of
from graphs.validation.outline import Outline

_ENVIRONMENT: Final = ("env", "secrets")


@dataclass(frozen=True, slots=True)
class Act:
    """A step that changes something, or may, and what it does in words."""

    step: str
    does: str

    def as_dict(self) -> dict[str, str]:
        return {"step": self.step, "does": self.does}


def acts_of(workflow: Workflow, step_types: StepTypes, offer: Offered) -> list[Act]:
    """Everything in a workflow that changes the world outside, or may, in the order in which it is written."""
    found = dict.fromkeys(_Looking(step_types, offer).workflow(workflow))
    if _reads_environment(workflow, step_types):
        found[Act("", "reads values of the environment")] = None
    return [*found]


def _reads_environment(workflow: Workflow, step_types: StepTypes) -> bool:
    """By what its expressions are read as, and not by how they are written: `(secrets).X`, `[env] | first`."""
    fields = (read_field(field, Findings()) for field in fields_of(Outline(workflow, step_types)))
    return any(
        reference.root in _ENVIRONMENT for read in fields if read is not None for reference in read[0].references
    )


class _Looking:
    def __init__(self, step_types: StepTypes, offer: Offered) -> None:
        self._types = step_types
        self._offer = offer
        self._seen: set[str] = set()

    def workflow(self, workflow: Workflow) -> Iterator[Act]:
        if workflow.digest in self._seen:
            return
        self._seen.add(workflow.digest)
        spec = workflow.spec
        for step in (*spec.steps, *spec.compensation.steps, *spec.finally_):
            yield from self._step(step)

    def _step(self, step: Step) -> Iterator[Act]:
        kind = self._types.get(step.type)
        acts = kind.acts(step) if kind is not None else None
        if acts or step.sensitive:
            yield Act(step.name, _words(step))
        elif acts is None:
            yield from self._unknown(step)
        if step.on_timeout is not None and (name := step.on_timeout.compensation_workflow) is not None:
            yield Act(step.name, f"cleans up with the workflow '{name}'")
        inside = [inner for _, steps in step.containers() for inner in steps]
        # What answers a failure may be the step itself with another configuration: it may name another tool.
        instead = step.answer if step.on_failure.action != "escalate" else None
        for inner in (*inside, instead, step.compensate):
            if inner is not None:
                yield from self._step(inner)

    def _unknown(self, step: Step) -> Iterator[Act]:
        """What only those know who offer what is called."""
        match step.type:
            case "tool":
                yield from self._tools(step, [step.config.get("tool", step.name)])
            case "agent":
                yield from self._agent(step)
            case "workflow" if (inner := self._offer.workflows.get(str(step.config.get("workflow")))) is not None:
                yield from self.workflow(inner)
            case _:
                yield Act(step.name, _words(step))

    def _agent(self, step: Step) -> Iterator[Act]:
        config = step.config
        if (capability := config.get("agent_capability")) is not None:
            asked = [one for one in self._offer.agents.values() if capability in one.capabilities]
        else:
            named = self._offer.agents.get(str(config.get("agent")).partition("@")[0])
            asked = [named] if named is not None else []
            if config.get("agent") is not None and named is None:
                yield Act(step.name, _words(step))
        yield from self._tools(step, config.get("tools") or ())
        if "tools" not in config:
            for agent in asked:
                yield from self._tools(step, agent.tools)

    def _tools(self, step: Step, uses: Any) -> Iterator[Act]:
        for use in uses if isinstance(uses, list | tuple) else [uses]:
            if _named(use, "step") is not None:
                continue  # it stands inside, and is looked at there
            name, workflow = _named(use, "tool"), _named(use, "workflow")
            tool = use if isinstance(use, Tool) else self._offer.tools.get(str(name))
            if (service := _named(use, "service")) is not None:
                method = str(_named(use, "method") or "GET").upper()
                if method not in ("GET", "HEAD"):
                    yield Act(step.name, f"may call {method} {service} {_named(use, 'endpoint')}")
            elif workflow in self._offer.workflows:
                yield from self.workflow(self._offer.workflows[str(workflow)])
            elif tool is None or tool.effect != "none" or (step.type == "tool" and approval_of(tool)):
                may = "may call" if step.type == "agent" else "calls"
                yield Act(step.name, f"{may} the tool '{workflow or name or (tool and tool.name)}'")


def _named(use: Any, key: str) -> Any:
    if isinstance(use, str):
        return use if key == "tool" else None
    return use.get(key) if isinstance(use, Mapping) else getattr(use, key, None)


def _words(step: Step) -> str:
    config = step.config
    match step.type:
        case "service_call":
            said: Iterable[Any] = (config.get("method", "GET"), config.get("service"), config.get("endpoint"))
            return " ".join(str(one) for one in said)
        case "function" | "workflow" | "agent" as word:
            return f"{word} '{config.get(word, step.name)}'"
        case "emit_event":
            return f"publishes the event '{config.get('event_type')}'"
    return f"a step of type '{step.type}'"
