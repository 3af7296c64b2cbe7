"""Calls of tools that a person would be asked about, were it an agent that made them.

Whoever approves a plan sees it and its input, and approves such a call with what it is made with. What comes out of
other steps nobody has seen by then: a document that is fetched may have written it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agents.planning.offer import Offered
from agents.tools.tool_use import ToolApproval
from agents.tools.tools import Tool
from graphs.errors import ExpressionError
from graphs.expressions import parse_template
from graphs.spec import Step, Workflow

_SEEN: Final = frozenset({"input"})


def approval_of(tool: Tool | None) -> str | None:
    """When a person is asked about a call of the tool; None when never."""
    rule = tool.approval if tool is not None else None
    return rule.when if isinstance(rule, ToolApproval) and rule.when != "never" else None


def unseen(workflow: Workflow, offer: Offered) -> Iterator[str]:
    """Such calls whose arguments are not known before the plan runs, as lines for whoever wrote it."""
    spec = workflow.spec
    for step in (*spec.steps, *spec.compensation.steps, *spec.finally_):
        yield from _of_step(step, offer, _SEEN)


def _of_step(step: Step, offer: Offered, seen: frozenset[str]) -> Iterator[str]:
    if step.type == "tool":
        again = {**step.config, **(step.on_failure.config or {})}
        yield from dict.fromkeys(
            told for config in (step.config, again) for told in _of_call(step, config, offer, seen)
        )
    inside = _inside(step, seen)
    for _, steps in step.containers():
        for inner in steps:
            yield from _of_step(inner, offer, inside)
    for other in (step.on_failure.fallback, step.compensate):
        if other is not None:
            yield from _of_step(other, offer, seen)


def _of_call(step: Step, config: Mapping[str, Any], offer: Offered, seen: frozenset[str]) -> Iterator[str]:
    name = str(config.get("tool") or step.name)
    when = approval_of(offer.tools.get(name))
    if when is not None and not _shown(config.get("args"), seen):
        yield (
            f"step '{step.name}', args: a person is asked about calls of '{name}' ({when}), and what this one is made "
            "with is not known before it runs. Write values, or expressions over 'input' only; or let an agent call "
            f"it (type agent, config.tools: [{name}])."
        )


def _inside(step: Step, seen: frozenset[str]) -> frozenset[str]:
    """What the steps inside may begin with: items are known where what they are taken from is."""
    if "items" not in step.config:
        return seen
    items = {"item", str(step.config.get("as") or "item")}
    return seen | items if _shown(step.config["items"], seen) else seen - items


def _shown(value: Any, seen: frozenset[str]) -> bool:
    """Whether who sees the plan and its input sees this value."""
    if not isinstance(value, Mapping | list | str):
        return False
    try:
        return all(reference.root in seen for reference in parse_template(value).references)
    except ExpressionError:
        return False
