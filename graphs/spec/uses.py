"""Which other workflows a step uses: as steps, as tools of agents, or to clean up."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphs.spec.step import Step

ANY_WORKFLOW, ANY_AGENT = "*", "*agent"
"""In place of a name: which workflow (or agent) is run is known only at run time."""


def subworkflows_of(step: Step) -> Iterator[tuple[str, str | None]]:
    name = step.config.get("workflow") if step.type == "workflow" else None
    agent = step.config.get("agent")
    if step.config.get("agent_capability") is not None or (isinstance(agent, str) and "{{" in agent):
        yield ANY_AGENT, None
    if "definition" in step.config or (isinstance(name, str) and "{{" in name):
        yield ANY_WORKFLOW, None
    elif isinstance(name, str):
        version = step.config.get("version")
        yield name, str(version) if version is not None else None
    yield from _workflows_as_tools(step.config)
    if step.on_timeout is not None and step.on_timeout.compensation_workflow is not None:
        yield step.on_timeout.compensation_workflow, None
    inside = [inner for _, steps in step.containers() for inner in steps]
    for inner in (*inside, step.on_failure.fallback, step.compensate):  # other answers run what the step runs
        if inner is not None:
            yield from subworkflows_of(inner)


def _workflows_as_tools(config: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Those an agent is offered, by the step or by an agent that is written out in it, and that agent itself."""
    if isinstance(agent := config.get("agent"), str) and "{{" not in agent:
        name, _, version = agent.partition("@")
        yield name, version or None  # published as a definition of its own, perhaps
    for holder in (config, config.get("agent")):
        tools = _entry(holder, "tools")
        for use in tools if isinstance(tools, list | tuple) else (tools,):
            if isinstance(name := _entry(use, "workflow"), str):
                version = _entry(use, "version")
                yield name, None if version is None else str(version)


def _entry(holder: Any, key: str) -> Any:
    """Of an object as it is written, or as a Python value."""
    return holder.get(key) if isinstance(holder, Mapping) else getattr(holder, key, None)
