"""A workflow drawn for clients that know graphs: nodes and edges, composite steps and sub-workflows as subgraphs.

As LangGraph draws them: what is inside `a` is called `a:b`; where a subgraph begins or ends with one step, the edges of
the step around it go there, and otherwise to a node `a:__start__` or `a:__end__`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphs.composites.subworkflow import SubWorkflow
from graphs.inside import Inside, inside
from graphs.spec import Step, Workflow
from orchestrator.serving.served import Document

DrawnPlan = tuple[Mapping[str, Step], Mapping[str, Sequence[str]]]
"""The steps of a workflow, and of each those it awaits."""

Find = Callable[[str, str | None], Awaitable[Workflow | None]]

_START, _END = "__start__", "__end__"
_DEEPEST: Final = 50
_MOST: Final = 2000
"""Steps after which no more are looked into: ten workflows that use each other ten times over have 10¹⁰ of them."""

_AGAIN: Final = "again"


@dataclass(frozen=True, slots=True)
class _Edge:
    source: str
    target: str
    label: str = ""

    def document(self) -> Document:
        said = {"data": self.label, "conditional": True} if self.label else {}
        return {"source": self.source, "target": self.target, **said}


@dataclass(slots=True)
class _Drawn:
    """Nodes in order, without where it begins and ends, and edges."""

    nodes: list[str] = field(default_factory=list)
    edges: list[_Edge] = field(default_factory=list)

    def add(self, name: str, part: "_Drawn | None") -> tuple[str, str]:
        """Add a step, or what is inside it; gives where edges to it and from it go."""
        if part is None:
            self.nodes.append(name)
            return name, name
        first, last = part.first, part.last
        nodes = [*([_START] if first == _START else ()), *part.nodes, *([_END] if last == _END else ())]
        self.nodes += [f"{name}:{node}" for node in nodes]
        self.edges += [
            _Edge(f"{name}:{edge.source}", f"{name}:{edge.target}", edge.label)
            for edge in part.edges
            if not (edge.source == _START != first or edge.target == _END != last)
        ]
        return f"{name}:{first}", f"{name}:{last}"

    @property
    def first(self) -> str:
        """The one step it begins with, or the node that stands for its beginning."""
        edges = [edge for edge in self.edges if edge.source == _START]
        return edges[0].target if len(edges) == 1 and not edges[0].label and edges[0].target != _END else _START

    @property
    def last(self) -> str:
        """The one step it ends with, or the node that stands for its end."""
        edges = [edge for edge in self.edges if edge.target == _END]
        return edges[0].source if len(edges) == 1 and not edges[0].label and edges[0].source != _START else _END

    def join(self, needs: Mapping[str, Mapping[str, str]], doors: Mapping[str, tuple[str, str]], way: str = "") -> None:
        """Draw who waits for whom; `way` is the label of the edges that lead in."""
        awaited = {other for others in needs.values() for other in others}
        for name, others in needs.items():
            begins, ends = doors[name]
            self.edges += [_Edge(doors[other][1], begins, label) for other, label in others.items()]
            self.edges += [] if others else [_Edge(_START, begins, way)]
            self.edges += [] if name in awaited else [_Edge(ends, _END)]

    def document(self) -> Document:
        """As clients read it."""
        return {
            "nodes": [_node(name) for name in (_START, *self.nodes, _END)],
            "edges": [edge.document() for edge in self.edges],
        }


class Drawer:
    """Draws one workflow, once.

    Args:
        plan: The steps of a workflow.
        find: A workflow by its name and version, if there is one.
    """

    def __init__(self, plan: Callable[[Workflow], DrawnPlan], find: Find) -> None:
        self._plan = plan
        self._find = find
        self._steps = 0

    async def draw(self, workflow: Workflow, xray: bool | int) -> Document:
        """A workflow.

        Args:
            xray: How many levels of what is inside steps are shown; true for all of them.
        """
        return (await self._workflow(workflow, _DEEPEST if xray is True else int(xray))).document()

    async def _workflow(self, workflow: Workflow, deep: int) -> _Drawn:
        steps, needs = self._plan(workflow)
        drawn = _Drawn()
        doors = {name: drawn.add(name, await self._inside(step, deep)) for name, step in steps.items()}
        drawn.join({name: dict.fromkeys(others, "") for name, others in needs.items()}, doors)
        return drawn

    async def _inside(self, step: Step, deep: int) -> _Drawn | None:
        self._steps += 1
        if deep <= 0 or self._steps > _MOST:
            return None
        if step.type == SubWorkflow.name:
            name, version = step.config.get("workflow"), step.config.get("version")
            known = await self._find(name, version) if isinstance(name, str) else None
            return None if known is None else await self._workflow(known, deep - 1)
        lists = list(inside(step))
        if not lists:
            return None
        drawn = _Drawn()
        for each in lists:
            await self._list(drawn, each, deep - 1)
        if any(each.chosen for each in lists) and not step.default and not step.else_:
            drawn.edges.append(_Edge(_START, _END, "otherwise"))
        if step.type == "loop":
            first = [edge.target for edge in drawn.edges if edge.source == _START]
            last = [edge.source for edge in drawn.edges if edge.target == _END]
            drawn.edges += [_Edge(source, target, _AGAIN) for source in last for target in first]
        return drawn

    async def _list(self, drawn: _Drawn, listed: Inside, deep: int) -> None:
        before = f"{listed.title}:" if listed.branch else ""
        doors = {step.name: drawn.add(f"{before}{step.name}", await self._inside(step, deep)) for step in listed.steps}
        drawn.join(listed.needs(), doors, way=listed.title if listed.chosen else "")


def _node(name: str) -> dict[str, Any]:
    if name.rpartition(":")[2] in (_START, _END):
        return {"id": name, "type": "schema", "data": name}
    return {"id": name, "type": "runnable", "data": {"id": [name], "name": name}}
