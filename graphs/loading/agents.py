"""`kind: Agent`: an agent as a named, versioned definition.

    apiVersion: workflow/v1
    kind: Agent
    metadata: {name: clerk, version: "1.2"}
    spec:
      model: openai:gpt-5-mini
      instructions: You answer customers.
      tools: [find_order, {tool: refund, approval: "args.amount > 100"}]

It is read as a workflow of one step. So agents are published, versioned, pinned and started as workflows are; a step
names one (`agent: clerk`, `agent: clerk@1.2`), and another agent has one as a tool (`{workflow: clerk}`). One that is
written in Python is made into the same workflow, with the same digest (`workflow_of`).
"""

from collections.abc import Mapping
from typing import Any

from graphs.loading.agent_form import in_one_form
from graphs.loading.findings import Findings
from graphs.loading.names import suggestion
from graphs.loading.places import Path, Place, Positions
from graphs.spec import AGENT_LABEL, AGENT_STEP

KIND = "Agent"
KEYS = (
    "instructions",
    "model",
    "tools",
    "capabilities",
    "output_schema",
    "max_turns",
    "max_calls_per_turn",
    "max_reasks",
    "budget",
    "context_tokens",
    "context_overflow",
    "temperature",
    "max_tokens",
    "stream",
    "retry",
)
_STEP: Path = ("spec", "steps", 0)
_CONFIG: Path = (*_STEP, "config")
_ASKED = {
    "message": "{{ input.message | default(none) }}",
    "messages": "{{ input.messages | default([]) }}",
    "context": "{{ input.context | default(none) }}",
}
_INPUT = {
    "type": "object",
    "properties": {
        "message": {"description": "What is asked."},
        "messages": {"type": "array", "description": "A conversation that goes before the message."},
        "context": {"description": "Further facts."},
    },
    "additionalProperties": False,
}


def as_workflow(document: dict[str, Any], positions: Positions, findings: Findings) -> None:
    """Rewrite a document of this kind in place; what is wrong with its keys is found here."""
    positions.moved, positions.called = _as_written, _as_called
    spec = document.get("spec")
    given: dict[str, Any] = dict(spec) if isinstance(spec, dict) else {}
    if not isinstance(spec, dict):
        findings.add("wrong_type", Place().at("spec"), "an agent's 'spec' is a mapping", f"It has {', '.join(KEYS)}.")
    for key in [key for key in given if key not in KEYS]:
        hint = suggestion(str(key), KEYS, "An agent has")
        findings.add("unknown_key", Place().at("spec", key), f"an agent has no '{key}'", hint, at_key=True)
        del given[key]
    if isinstance(text := given.get("instructions"), str) and "{{" in text:
        findings.add(
            "agent_template",
            Place().at("spec", "instructions"),
            "an agent's instructions are the same for everybody and hold no expressions",
            "Hand what differs over with the message, or as 'context'.",
        )
        given["instructions"] = ""
    metadata = document.setdefault("metadata", {})
    made = workflow_of(given, metadata if isinstance(metadata, dict) else {})
    document["spec"] = made["spec"]
    if isinstance(metadata, dict):
        document["metadata"] = made["metadata"]


def workflow_of(agent: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The workflow of one step that an agent is read as, whichever way it was written.

    Args:
        agent: What it says, by `KEYS`.
        metadata: Who it is.
    """
    given = in_one_form(agent)
    capabilities = given.pop("capabilities", None) or []
    labels = metadata.get("labels")
    who = {
        **metadata,
        "labels": {**(labels if isinstance(labels, dict) else {}), AGENT_LABEL: "agent"},
        "tags": [*(metadata.get("tags") or []), *capabilities],
    }
    own = {"retry": given.pop("retry")} if "retry" in given else {}
    step = {"name": AGENT_STEP, "type": "agent", **own, "config": {**given, **_ASKED}}
    output = {key: f"{{{{ steps.{AGENT_STEP}.output.{key} }}}}" for key in ("answer", "structured", "usage")}
    spec = {"input": {"schema": _INPUT}, "steps": [step], "output": {"values": output}}
    return {"metadata": who, "spec": spec}


def _as_written(path: Path) -> Path:
    """Where something of the workflow stands in the text it was made from."""
    of_step = _CONFIG if path[: len(_CONFIG)] == _CONFIG else _STEP
    return ("spec", *path[len(of_step) :]) if path[: len(of_step)] == of_step else path


def _as_called(place: Place) -> Place:
    """The place of something that was written in an agent, without the step that was made of it."""
    if place.step != AGENT_STEP or place.path[: len(_STEP)] != _STEP:
        return place
    inside = place.inside.removeprefix("config").removeprefix(".")
    return Place(_as_written(place.path), inside)
