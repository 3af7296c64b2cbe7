"""The steps of a workflow in their places: who stands in which list, who comes before whom, who can see whom.

An `Outline` gathers the lists (`Level`) and steps (`Site`) of `sites.py`, from the outermost inwards.
"""

from collections.abc import Iterator, Mapping

from graphs.composites.base import MAX_NESTING, Composite
from graphs.loading.gaps import Gaps
from graphs.loading.places import Place
from graphs.spec import Step, Workflow
from graphs.steps import StepType
from graphs.validation.sites import EVERYTHING, Level, Link, Role, Site, View

MAX_STEPS = 10_000
"""Steps in one definition, those inside others included; larger work is a map, or several workflows."""


class Outline:
    """The steps of a workflow in their places."""

    def __init__(self, workflow: Workflow, step_types: Mapping[str, StepType], gaps: Gaps | None = None) -> None:
        self.workflow = workflow
        self.gaps = gaps or Gaps()
        self._types = step_types
        self.levels: list[Level] = []
        self.sites: list[Site] = []
        self.too_deep: list[Site] = []
        spec = workflow.spec
        top = Place().at("spec")
        self.main = self._level(spec.steps, top.at("steps"), "steps", None, ordered=False)
        self.compensation = self._level(
            spec.compensation.steps, top.at("compensation", "steps"), "compensation.steps", None, ordered=True
        )
        self.last = self._level(spec.finally_, top.at("finally"), "finally", None, ordered=True)
        if gaps is not None:
            self._doubt_links()

    def _doubt_links(self) -> None:
        """A step without a name may be awaited, or awaited by way of, without that being seen."""
        for site in self.sites:
            if "name" in site.missing or any(link.name not in site.level.by_name for link in site.links):
                site.missing |= {"depends_on"}

    def _level(self, steps: tuple[Step, ...], place: Place, key: str, around: Site | None, *, ordered: bool) -> Level:
        level = Level(place, key, around, ordered)
        self.levels.append(level)
        for index, step in enumerate(steps):
            numbered = place.at(index)
            named = numbered if self._is_unnamed(numbered) else place.step_at(index, step.name)
            level.sites.append(self._site(step, named, level, index))
        _link(level)
        return level

    def _is_unnamed(self, place: Place) -> bool:
        """Whether the name of a step that stands there could not be read: then its number tells which it is."""
        return self.gaps.cover((*place.path, "name"))

    def _site(
        self, step: Step, place: Place, level: Level, position: int, role: Role = "step", owner: Site | None = None
    ) -> Site:
        around = owner or level.around
        depth = around.depth + 1 if around is not None else 1
        missing = self.gaps.of_step(place.path)
        kind = None if "type" in missing else self._types.get(step.type)
        site = Site(step, place, level, position, kind, depth, role, owner, missing)
        self.sites.append(site)
        if depth > MAX_NESTING:
            self.too_deep.append(site)
            return site
        for keys, steps in _containers(step):
            inner = place.at(*keys)
            site.inner.append(self._level(steps, inner, _key(keys), site, ordered=_ordered(site.kind, keys)))
        if (fallback := step.on_failure.fallback) is not None:
            self._alone(fallback, place.at("on_failure", "fallback"), site, "fallback")
        if step.compensate is not None:
            self._alone(step.compensate, place.at("compensate"), site, "compensate")
        return site

    def _alone(self, step: Step, place: Place, owner: Site, role: Role) -> None:
        named = place if self._is_unnamed(place) else place.as_step(step.name)
        self._site(step, named, owner.level, -1, role, owner)

    def view(self, site: Site) -> View:
        """What the expressions of a step can read."""
        if site.role == "compensate":
            # Compensation begins when nothing runs any more, so that whatever has run can be read.
            return View([(level, EVERYTHING) for level in _outwards(site.level)])
        if site.owner is not None and site.owner.role != "step":
            return self.view(site.owner)  # what answers for an undoing step sees what that one sees
        if site.owner is not None:
            return View([(site.level, 1 << site.owner.position), *self.view(site.owner).layers])
        own = (site.level, site.level.before(site))
        return View([own, *self._around(site.level)])

    def view_inside(self, site: Site) -> View:
        """What the conditions of a loop can read: also the steps it repeats."""
        return View([*((level, EVERYTHING) for level in site.inner), *self.view(site).layers])

    def view_at_end(self) -> View:
        """What the workflow's output can read."""
        return View([(self.main, EVERYTHING)])

    def _around(self, level: Level) -> list[tuple[Level, int]]:
        if level.around is not None:
            return self.view(level.around).layers
        return [] if level is self.main else [(self.main, EVERYTHING)]

    def may_be_unread(self, name: str) -> bool:
        """Whether a name may be that of a step that could not be read."""
        return self.gaps.may_be_step(name, (site.name for site in self.sites))

    def anywhere(self, name: str) -> Site | None:
        """A step of that name, wherever it stands."""
        return next((site for site in self.sites if site.name == name), None)


def _outwards(level: Level) -> Iterator[Level]:
    current: Level | None = level
    while current is not None:
        yield current
        current = current.around.level if current.around is not None else None


def _containers(step: Step) -> Iterator[tuple[tuple[str | int, ...], tuple[Step, ...]]]:
    """The lists of steps inside a step, each with the keys that lead to it."""
    if step.steps:
        yield ("steps",), step.steps
    yield from ((("branches", name), steps) for name, steps in step.branches.items())
    yield from ((("cases", index, "steps"), case.steps) for index, case in enumerate(step.cases))
    for key, steps in (("default", step.default), ("then", step.then), ("else", step.else_)):
        if steps is not None:
            yield (key,), steps


def _key(keys: tuple[str | int, ...]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")


def _ordered(kind: StepType | None, keys: tuple[str | int, ...]) -> bool:
    """Steps inside a step run in the order they are written, but for those of a parallel group."""
    return not (isinstance(kind, Composite) and kind.side_by_side and keys == ("steps",))


def _link(level: Level) -> None:
    """Gather what each step of a list waits for: `depends_on`, others' `next`, and the order of the list."""
    for site in level.sites:
        for index, need in enumerate(site.step.depends_on):
            explicit = "outcome" in need.model_fields_set
            site.links.append(Link(need.step, need.outcome, site.depends.at(index), "depends_on", explicit))
    for site in level.sites:
        for index, name in enumerate(site.step.next):
            follower = level.by_name.get(name)
            if follower is not None and all(link.name != site.name for link in follower.links):
                follower.links.append(Link(site.name, "succeeded", site.place.at("next", index), "next", False))
    if level.ordered:
        for before, site in zip(level.sites, level.sites[1:], strict=False):
            if not site.links and "depends_on" not in site.missing:
                site.links.append(Link(before.name, "succeeded", site.place, "order", False))
    for site in level.sites:
        target = level.by_name.get(site.step.on_failure.goto or "")
        if target is not None and all(link.name != site.name for link in target.links):
            target.links.append(Link(site.name, "settled", site.place.at("on_failure", "goto"), "goto", False))
