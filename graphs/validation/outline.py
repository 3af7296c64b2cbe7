"""The steps of a workflow in their places: who stands in which list, who comes before whom, who can see whom.

Outline    all lists (`Level`) and steps (`Site`) of a workflow, from the outermost inwards
Level      one list of steps, which settle together
Site       one step in its place, with the links to those it waits for
View       which steps an expression can read where it stands
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from graphs.composites.groups import Parallel
from graphs.loading.places import Place
from graphs.spec import Outcome, Step, Workflow
from graphs.steps import StepType

EVERYTHING = -1
"""A set of positions with every bit set."""

MAX_STEPS = 10_000
"""Steps in one definition, those inside others included; larger work is a map, or several workflows."""

MAX_NESTING = 16
"""Lists of steps inside steps. Each level is a checkpoint namespace of its own, and nobody reads deeper ones."""

Role = Literal["step", "fallback", "compensate"]


class Link(NamedTuple):
    """Something a step waits for.

    Attributes:
        name: The step's name, whether there is one or not.
        outcome: How it has to end.
        place: Where that is said.
        said_by: The key that says it, or the order of a list whose steps run one after the other.
        explicit: The outcome was written, and is not the default.
    """

    name: str
    outcome: Outcome
    place: Place
    said_by: Literal["depends_on", "next", "order"]
    explicit: bool = True


@dataclass(eq=False)
class Site:
    """One step in its place.

    Attributes:
        kind: Its type; None when nobody knows it.
        position: Its place in the list; -1 for those outside of every list.
        role: A fallback or a compensation stands by itself, outside of every list.
        owner: For those: the step they belong to.
        links: What it waits for, in its own list.
        inner: The lists of steps inside it.
    """

    step: Step
    place: Place
    level: "Level"
    position: int
    kind: StepType | None
    depth: int
    role: Role = "step"
    owner: "Site | None" = None
    links: list[Link] = field(default_factory=list)
    inner: "list[Level]" = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def depends(self) -> Place:
        return self.place.at("depends_on")


@dataclass(eq=False)
class Level:
    """One list of steps.

    Attributes:
        place: Where the list stands.
        key: What it is called inside its step: `steps`, `branches.left`, `cases[0].steps`.
        around: The step it is inside of.
        ordered: Its steps run one after the other unless they say what they depend on.
        sites: All its steps, as they are written.
    """

    place: Place
    key: str
    around: Site | None
    ordered: bool
    sites: list[Site] = field(default_factory=list)

    @cached_property
    def by_name(self) -> Mapping[str, Site]:
        """Of two steps with one name, the first."""
        found: dict[str, Site] = {}
        for site in self.sites:
            found.setdefault(site.name, site)
        return found

    @cached_property
    def _before(self) -> list[int]:
        """For each step the set of those that have settled before it starts, as a bit per position.

        What stands in a circle or after one may read everything: the circle is reported, not what follows from it.
        """
        before = [EVERYTHING] * len(self.sites)
        for site in self.in_order:
            found = 0
            for other in self.awaited(site):
                found |= before[other.position] | 1 << other.position
            before[site.position] = found
        return before

    def runs_before(self, first: Site, second: Site) -> bool:
        """Whether one step of the list has settled before another starts, as far as there is an order at all."""
        before = self.before(second)
        return before != EVERYTHING and bool(before >> first.position & 1)

    @cached_property
    def _after(self) -> list[int]:
        after = [0] * len(self.sites)
        for site in reversed(self.in_order):
            for other in self.awaited(site):
                after[other.position] |= after[site.position] | 1 << site.position
        return after

    def beside(self, site: Site) -> Site | None:
        """The first step that nothing keeps from running at the same time as the given one."""
        related = self.before(site) | self._after[site.position] | 1 << site.position
        free = ((1 << len(self.sites)) - 1) & ~related
        return self.sites[(free & -free).bit_length() - 1] if free else None

    @cached_property
    def in_order(self) -> list[Site]:
        """The steps, each after all it waits for; those in circles and after them are left out."""
        waits = {site: sum(1 for _ in self.awaited(site)) for site in self.sites}
        followers: dict[Site, list[Site]] = {}
        for site in self.sites:
            for other in self.awaited(site):
                followers.setdefault(other, []).append(site)
        order = [site for site, count in waits.items() if not count]
        for site in order:
            for follower in followers.get(site, ()):
                waits[follower] -= 1
                if not waits[follower]:
                    order.append(follower)
        return order

    def awaited(self, site: Site) -> Iterator[Site]:
        """The steps a step waits for, of those that exist."""
        yield from (self.by_name[link.name] for link in site.links if link.name in self.by_name)

    def before(self, site: Site) -> int:
        """The steps of this list that have settled before the given one starts, as a bit per position."""
        return self._before[site.position] if site.position >= 0 else 0


class View:
    """Which steps can be read, in which list, from the innermost list outwards."""

    def __init__(self, layers: list[tuple[Level, int]]) -> None:
        self.layers = layers

    def find(self, name: str) -> Site | None:
        """The step that `steps.NAME` stands for."""
        for level, mask in self.layers:
            site = level.by_name.get(name)
            if site is not None and mask >> site.position & 1:
                return site
        return None

    def hidden(self, name: str) -> Site | None:
        """A step of one of those lists that cannot be read because nothing makes it run before."""
        return next((level.by_name[name] for level, _ in self.layers if name in level.by_name), None)

    def sites(self) -> Iterator[Site]:
        """All that can be read."""
        for level, mask in self.layers:
            yield from (site for site in level.by_name.values() if mask >> site.position & 1)


class Outline:
    """The steps of a workflow in their places."""

    def __init__(self, workflow: Workflow, step_types: Mapping[str, StepType]) -> None:
        self.workflow = workflow
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

    def _level(self, steps: tuple[Step, ...], place: Place, key: str, around: Site | None, *, ordered: bool) -> Level:
        level = Level(place, key, around, ordered)
        self.levels.append(level)
        for index, step in enumerate(steps):
            level.sites.append(self._site(step, place.step_at(index, step.name), level, index))
        _link(level)
        return level

    def _site(
        self, step: Step, place: Place, level: Level, position: int, role: Role = "step", owner: Site | None = None
    ) -> Site:
        around = owner or level.around
        depth = around.depth + 1 if around is not None else 1
        site = Site(step, place, level, position, self._types.get(step.type), depth, role, owner)
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
        self._site(step, place.as_step(step.name), owner.level, -1, role, owner)

    def view(self, site: Site) -> View:
        """What the expressions of a step can read."""
        if site.role == "compensate":
            # Compensation begins when nothing runs any more, so that whatever has run can be read.
            return View([(level, EVERYTHING) for level in _outwards(site.level)])
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
        return [(self.main, EVERYTHING)] if level is self.compensation else []

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
    return not (isinstance(kind, Parallel) and keys == ("steps",))


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
            if not site.links:
                site.links.append(Link(before.name, "succeeded", site.place, "order", False))
