"""A workflow as a Mermaid flowchart (C16), with the statuses of one execution when there is one.

Rectangles act, hexagons wait for the world outside, rounded ones are agents, diamonds decide; composite steps are
frames around the steps inside. Arrows say who waits for whom, with the outcome where it is not success; dotted ones
lead to what happens after a failure. Every text is escaped, so a name cannot become Mermaid syntax.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from graphs.loading.words import shown
from graphs.spec import Case, Step, Workflow
from graphs.state import FINALLY
from graphs.steps import StepType
from graphs.undo import COMPENSATION

_SHAPES = {
    "parallel_executor": ('["', '"]'),
    "human_approval": ('{{"', '"}}'),
    "react_agent": ('(["', '"])'),
    "conditional_router": ('{"', '"}'),
}
_BUILT_IN = {
    **dict.fromkeys(("approval", "wait_for_event", "delay"), "human_approval"),
    **dict.fromkeys(("conditional", "switch"), "conditional_router"),
    "agent": "react_agent",
}
_UNDO = ('[["', '"]]')
_WORKFLOW = ('[/"', '"/]')

COLOURS = {
    "failed": "fill:#fde2e1,stroke:#c0392b,color:#7b1e14",
    "timed_out": "fill:#fdebd0,stroke:#ca6f1e,color:#7e4a12",
    "cancelled": "fill:#eaecee,stroke:#566573,color:#2c3e50",
    "retrying": "fill:#fef5e0,stroke:#d4a017,color:#7d5f0a",
    "waiting": "fill:#fcf3cf,stroke:#d4ac0d,color:#7d6608",
    "running": "fill:#d6eaf8,stroke:#2874a6,color:#1b4f72",
    "pending": "fill:#f8f9f9,stroke:#aab7b8,color:#616a6b",
    "skipped": "fill:#f4f6f6,stroke:#aab7b8,color:#7f8c8d,stroke-dasharray:4 3",
    "completed": "fill:#d5f5e3,stroke:#239b56,color:#145a32",
}
"""By status, the one to show first where several items of a map have different ones."""

_LONGEST_TEXT = 48


def draw_workflow(
    workflow: Workflow,
    *,
    statuses: Mapping[str, str] | None = None,
    step_types: Mapping[str, StepType] | None = None,
) -> str:
    """The workflow as Mermaid text.

    Args:
        workflow: The workflow.
        statuses: Statuses by path (`fulfil.label`, `orders[3].charge`); of several items the most urgent is shown.
        step_types: For the shapes of types that are not built in.
    """
    return "\n".join(_Drawing(workflow, statuses or {}, step_types or {}).lines()) + "\n"


class _Drawing:
    def __init__(self, workflow: Workflow, statuses: Mapping[str, str], step_types: Mapping[str, StepType]) -> None:
        self._workflow = workflow
        self._types = step_types
        self._statuses = statuses_by_step(statuses)
        self._count = 0
        self._edges: list[str] = []
        self._classes: dict[str, list[str]] = {}

    def lines(self) -> Iterator[str]:
        """The whole chart: nodes and frames first, then arrows, then colours."""
        yield "flowchart TD"
        yield from self._list(self._workflow.spec.steps, "", 1, ordered=False)[0]
        if compensation := self._workflow.spec.compensation.steps:
            inner, _ = self._list(compensation, COMPENSATION, 2, ordered=True)
            yield from _frame(self._new_id(), "compensation", inner, 1)
        if last := self._workflow.spec.finally_:
            inner, _ = self._list(last, FINALLY, 2, ordered=True)
            yield from _frame(self._new_id(), "finally", inner, 1)
        yield from self._edges
        for status, ids in self._classes.items():
            yield f"    classDef {status} {COLOURS[status]}"
            yield f"    class {','.join(ids)} {status}"

    def _new_id(self) -> str:
        """Ids are ours alone: a step called `end` or `click` must not end up where Mermaid looks for its own words."""
        self._count += 1
        return f"n{self._count}"

    def _list(self, steps: Sequence[Step], path: str, depth: int, *, ordered: bool) -> tuple[list[str], dict[str, str]]:
        """The lines of a list of steps, and the id of each by its name."""
        ids: dict[str, str] = {}
        lines: list[str] = []
        for step in steps:
            ids[step.name] = self._new_id()
            lines += self._step(step, ids[step.name], _join(path, step.name), depth)
        self._arrows(steps, ids, ordered=ordered)
        return lines, ids

    def _arrows(self, steps: Sequence[Step], ids: Mapping[str, str], *, ordered: bool) -> None:
        followed = {name: step.name for step in steps for name in step.next}
        previous: Step | None = None
        for step in steps:
            for need in step.depends_on:
                if need.step in ids:
                    label = "" if need.outcome == "succeeded" else need.outcome
                    self._arrow(ids[need.step], ids[step.name], label)
            for name in step.next:
                if name in ids:
                    self._arrow(ids[step.name], ids[name])
            if ordered and previous is not None and not step.depends_on and step.name not in followed:
                self._arrow(ids[previous.name], ids[step.name])
            previous = step

    def _arrow(self, source: str, target: str, label: str = "", *, dotted: bool = False) -> None:
        line = "-.->" if dotted else "-->"
        self._edges.append(f"    {source} {line}{_label(label)} {target}")

    def _step(self, step: Step, node: str, path: str, depth: int) -> list[str]:
        status = self._statuses.get(path)
        if status in COLOURS:
            self._classes.setdefault(status, []).append(node)
        lines = self._composite(step, node, path, depth) if _has_steps(step) else [self._plain(step, node, depth)]
        return lines + self._after_failure(step, node, path, depth)

    def _plain(self, step: Step, node: str, depth: int) -> str:
        opening, closing = _SHAPES[self._node_kind(step)]
        return f"{'    ' * depth}{node}{opening}{_caption(step)}{closing}"

    def _node_kind(self, step: Step) -> str:
        kind = self._types.get(step.type)
        found = kind.node if kind is not None else _BUILT_IN.get(step.type, "")
        return found if found in _SHAPES else "parallel_executor"

    def _composite(self, step: Step, node: str, path: str, depth: int) -> list[str]:
        lines: list[str] = []
        ways = list(_ways(step))
        if ways:
            decision = self._new_id()
            opening, closing = _SHAPES["conditional_router"]
            lines.append(f"{'    ' * (depth + 1)}{decision}{opening}{_question(step)}{closing}")
            for label, steps in ways:
                inner, ids = self._list(steps, path, depth + 1, ordered=True)
                lines += inner
                if steps:
                    self._arrow(decision, ids[steps[0].name], label)
        side_by_side = step.type in ("parallel", "parallel_group")
        lines += self._list(step.steps, path, depth + 1, ordered=not side_by_side)[0]
        for name, steps in step.branches.items():
            inner, _ = self._list(steps, _join(path, name), depth + 2, ordered=True)
            lines += _frame(self._new_id(), name, inner, depth + 1)
        return list(_frame(node, _caption(step), lines, depth, escaped=True))

    def _after_failure(self, step: Step, node: str, path: str, depth: int) -> list[str]:
        lines: list[str] = []
        if (fallback := step.on_failure.fallback) is not None:
            other = self._new_id()
            lines += self._step(fallback, other, f"{path}~fallback", depth)
            self._arrow(node, other, "on failure", dotted=True)
        if (undo := step.compensate) is not None:
            other = self._new_id()
            lines.append(f"{'    ' * depth}{other}{_UNDO[0]}{_caption(undo)}{_UNDO[1]}")
            self._arrow(node, other, "undo", dotted=True)
        if step.on_timeout is not None and (name := step.on_timeout.compensation_workflow) is not None:
            other = self._new_id()
            lines.append(f"{'    ' * depth}{other}{_WORKFLOW[0]}{_escaped(name)}{_WORKFLOW[1]}")
            self._arrow(node, other, "on timeout", dotted=True)
        return lines


def _has_steps(step: Step) -> bool:
    return next(step.containers(), None) is not None


def _ways(step: Step) -> Iterator[tuple[str, Sequence[Step]]]:
    """The ways a deciding step can go, each with its label."""
    for index, case in enumerate(step.cases):
        yield _case_label(case, index), case.steps
    for label, steps in (("default", step.default), ("then", step.then), ("else", step.else_)):
        if steps is not None:
            yield label, steps


def _case_label(case: Case, index: int) -> str:
    if case.name is not None:
        return case.name
    return shown(case.equals) if case.equals is not None else _text(case.when, f"case {index + 1}")


def _question(step: Step) -> str:
    asked = step.config.get("if", step.config.get("on"))
    return _escaped(_text(asked, "which?"))


def _caption(step: Step) -> str:
    """The name, and below it the type and the condition."""
    lines = [step.name, step.type]
    if step.condition is not None:
        lines.append(f"if {_text(step.condition, 'condition')}")
    return "<br/>".join(map(_escaped, lines))


def _text(value: object, otherwise: str) -> str:
    """An expression as a short text, without its braces."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return otherwise
    text = re.sub(r"^\s*\{\{\s*|\s*\}\}\s*$", "", value)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _frame(node: str, title: str, lines: Sequence[str], depth: int, *, escaped: bool = False) -> Iterator[str]:
    indent = "    " * depth
    yield f'{indent}subgraph {node}["{title if escaped else _escaped(title)}"]'
    yield from lines
    yield f"{indent}end"


def _label(text: str) -> str:
    return f'|"{_escaped(text)}"|' if text else ""


_SPECIAL = re.compile(r"[^\w .,:/=+*()!?'…-]")


def _escaped(text: str) -> str:
    """The text with everything that could mean something to Mermaid or HTML as a character code."""
    return _SPECIAL.sub(lambda found: " " if found[0].isspace() else f"#{ord(found[0])};", text)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def statuses_by_step(statuses: Mapping[str, str]) -> dict[str, str]:
    """Statuses by path without item numbers, of several the most urgent."""
    urgency = list(COLOURS)
    found: dict[str, str] = {}
    for path, status in statuses.items():
        step = re.sub(r"\[\d+\]", "", path)
        known = status in COLOURS
        if known and (step not in found or urgency.index(status) < urgency.index(found[step])):
            found[step] = str(status)
    return found
