"""Every field of a definition that may hold expressions, with what it can see; and those that may not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from graphs.composites.loops import Loop
from graphs.expressions import ANY, Shape
from graphs.loading.places import Place
from graphs.validation.outline import Outline
from graphs.validation.shapes import inside_loop
from graphs.validation.sites import Site, View

_RESPONSE = {"response": ANY}
_OUTPUT = {"output": ANY}
_ERROR = {"error": Shape("object")}
_LAST = {"outcome": Shape("text"), "error": ANY}
"""`finally` steps see how it ended; `error` is null where it went well."""
_UNDONE = {"output": ANY, **_ERROR}
_UNDONE_WITH_INPUT = {"input": ANY, **_UNDONE}
"""A compensation sees the output of the step it undoes, and its input where it has one of its own."""


@dataclass(frozen=True, slots=True)
class Field:
    """A place that may hold expressions.

    Attributes:
        place: Where it is.
        value: What stands there.
        kind: A template, a condition, or a constant in which expressions would stay as they are.
        view: Which steps it can read.
        site: The step it belongs to; None for the workflow's own output.
        extra: Roots that exist only here.
        first_round: It is also evaluated when the steps inside have not run yet.
    """

    place: Place
    value: Any
    kind: Literal["template", "condition", "constant"]
    view: View
    site: Site | None
    extra: Mapping[str, Shape] = field(default_factory=dict)
    first_round: bool = False


def fields_of(outline: Outline) -> Iterator[Field]:
    """All of them."""
    for site in outline.sites:
        yield from _fields_of_step(outline, site)
    spec, top = outline.workflow.spec, Place().at("spec")
    end = outline.view_at_end()
    yield Field(top.at("output", "values"), spec.output.values, "template", end, None)
    yield Field(top.at("variables"), spec.variables, "constant", View([]), None)


def _fields_of_step(outline: Outline, site: Site) -> Iterator[Field]:
    step, place, view = site.step, site.place, outline.view(site)
    extra = _of_role(site)

    def a_field(keys: tuple[str | int, ...], value: Any, kind: Any, more: Mapping[str, Shape] | None = None) -> Field:
        return Field(place.at(*keys), value, kind, view, site, {**extra, **(more or {})})

    yield a_field(("condition",), step.condition, "condition")
    yield a_field(("input",), step.input, "template")
    yield a_field(("output",), step.output, "template", _RESPONSE)
    yield a_field(("variables",), step.variables, "template", _OUTPUT)
    yield from _config_fields(outline, site, extra)
    for index, case in enumerate(step.cases):
        yield a_field(("cases", index, "when"), case.when, "condition")
        yield a_field(("cases", index, "equals"), case.equals, "constant")
    yield a_field(("on_failure", "output"), step.on_failure.output, "constant")
    yield a_field(("on_failure", "input"), step.on_failure.input, "template", _ERROR)
    for key, value in (step.on_failure.config or {}).items():
        yield a_field(("on_failure", "config", key), value, "template", _ERROR)
    if step.on_failure.escalate is not None:
        yield a_field(("on_failure", "escalate", "message"), step.on_failure.escalate.message, "template", _ERROR)
    if step.on_timeout is not None:
        yield a_field(("on_timeout", "output"), step.on_timeout.output, "constant")
        given, at_end = step.on_timeout.compensation_input, outline.view_at_end()
        where = place.at("on_timeout", "compensation_input")
        yield Field(where, given, "template", at_end, site, _ERROR)


def _config_fields(outline: Outline, site: Site, extra: Mapping[str, Shape]) -> Iterator[Field]:
    deferred = site.kind.deferred if site.kind is not None else frozenset()
    loop = isinstance(site.kind, Loop)
    for key, value in site.step.config.items():
        where = site.place.at("config", key)
        if key not in deferred:
            yield Field(where, value, "template", outline.view(site), site, extra)
        elif loop:
            view = outline.view_inside(site)
            more = {**extra, **inside_loop(site)}
            yield Field(where, value, "condition", view, site, more, first_round=key == "while")
        else:
            yield Field(where, value, "condition", outline.view(site), site, extra)


def _of_role(site: Site) -> Mapping[str, Shape]:
    """Roots that exist for a step because of what it is there for, or what the step around it is there for."""
    current: Site | None = site
    while current is not None:
        if current.owner is not None and current.role == "compensate":
            has_input = current.owner.step.input is not None or "input" in current.owner.missing
            return _UNDONE_WITH_INPUT if has_input else _UNDONE
        if current.role == "fallback" or current.level.key == "compensation.steps":
            return _ERROR
        if current.level.key == "finally":
            return _LAST
        current = current.level.around
    return {}
