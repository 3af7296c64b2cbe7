"""What expressions can read where they stand, as shapes: input, variables, steps, and what is special to a place."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from graphs.composites.base import Composite
from graphs.composites.groups import Map
from graphs.composites.loops import Loop
from graphs.composites.subworkflow import SubWorkflow
from graphs.expressions import ANY, Shape, object_shape, shape_from_schema
from graphs.validation.known import Known
from graphs.validation.outline import Outline
from graphs.validation.sites import Site, View

_STATUS = {
    "status": Shape("text"),
    "completed": Shape("boolean"),
    "attempts": Shape("number"),
    "error": Shape("object"),
    "route": Shape("text"),
}
_EXECUTION = object_shape(dict.fromkeys(("id", "started_at", "version", "workflow", "tenant"), Shape("text")))
_LOOP = object_shape({"iteration": Shape("number"), "results": Shape("list"), "last": ANY})
_OPEN = Shape("object")


class Shapes:
    """The shapes of one workflow's data."""

    def __init__(self, outline: Outline, known: Known) -> None:
        self._workflow = outline.workflow
        self._known = known
        self._steps: dict[Site, Shape] = {}

    @cached_property
    def input(self) -> Shape:
        """The workflow's input; who lists its fields means that there are no others to be read."""
        schema = self._workflow.spec.input.schema_
        return ANY if schema is None else shape_from_schema(schema, closed=True)

    def scope(self, view: View, site: Site | None, extra: Mapping[str, Shape]) -> Shape:
        """The roots that exist at a place.

        Variables and steps are open here: `reads.py` judges their names, as it knows why one cannot be read.

        Args:
            view: Which steps can be read.
            site: The step it belongs to; None at the end of the workflow.
            extra: Roots that exist only at such places: `response`, `output`, `error`.
        """
        roots = {
            "input": self.input,
            "vars": _OPEN,
            "steps": Shape("object", fields=_StepFields(self, view)),
            "execution": _EXECUTION,
            "env": ANY,
            "secrets": ANY,
        }
        return object_shape(roots | _items(site) | dict(extra))

    def step(self, site: Site) -> Shape:
        """`steps.NAME`"""
        if site not in self._steps:
            self._steps[site] = object_shape({**_STATUS, "output": self._output(site)})
        return self._steps[site]

    def _output(self, site: Site) -> Shape:
        declared = self._declared(site)
        if declared is None:
            return ANY
        step = site.step
        stand_ins: list[Any] = [step.on_failure.output, step.on_timeout.output if step.on_timeout else None]
        if (fallback := step.on_failure.fallback) is not None:
            stand_ins.append(fallback.output if fallback.output is not None else "anything")
        for stand_in in stand_ins:
            if isinstance(stand_in, Mapping):
                declared |= set(stand_in)
            elif stand_in is not None:
                return ANY
        return object_shape(dict.fromkeys(sorted(declared), ANY))

    def _declared(self, site: Site) -> set[str] | None:
        """The fields of a step's output, when the definition says which there are."""
        if not site.missing.isdisjoint(("output", "on_failure", "on_timeout")):
            return None
        if site.step.output is not None:
            return set(site.step.output)
        if not isinstance(site.kind, SubWorkflow) or self._known.workflow is None:
            return None
        name, version = site.step.config.get("workflow"), site.step.config.get("version")
        if not isinstance(name, str) or not isinstance(version, str | None):
            return None
        workflow = self._known.workflow(name, version)
        values = workflow.spec.output.values if workflow is not None else None
        return set(values) if values is not None else None


class _StepFields(Mapping[str, Shape]):
    """The shapes of the steps that can be read, made when one is asked for: most expressions read one or two."""

    def __init__(self, shapes: Shapes, view: View) -> None:
        self._shapes = shapes
        self._view = view

    def __getitem__(self, name: str) -> Shape:
        site = self._view.find(name)
        if site is None:
            raise KeyError(name)
        return self._shapes.step(site)

    def __iter__(self) -> Iterator[str]:
        return (site.name for site in self._view.sites())

    def __len__(self) -> int:
        return sum(1 for _ in self._view.sites())


def inside_loop(site: Site) -> dict[str, Shape]:
    """What the conditions of a loop see besides."""
    return _own_items(site) | {"loop": _LOOP, "index": Shape("number")}


def _items(site: Site | None) -> dict[str, Shape]:
    """`item`, `index` and further names of the maps and loops around a step, inner ones winning."""
    around = site.level.around if site is not None else None
    return {} if around is None else {**_items(around), **_own_items(around)}


def _own_items(site: Site) -> dict[str, Shape]:
    """What a map or a loop offers to the steps inside it."""
    if not isinstance(site.kind, Map | Loop):
        return dict.fromkeys(site.kind.adds, ANY) if isinstance(site.kind, Composite) else {}
    names = {"index": Shape("number")}
    if isinstance(site.kind, Map) or site.step.config.get("items") is not None:
        second = site.step.config.get("as")
        names |= {"item": ANY} | ({second: ANY} if isinstance(second, str) else {})
    return names
