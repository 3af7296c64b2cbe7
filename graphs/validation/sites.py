"""Steps in their places, and which of them can be read from where.

Level    one list of steps, which settle together
Site     one step in its place, with the links to those it waits for
View     which steps an expression can read where it stands
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from graphs.loading.places import Place
from graphs.spec import Outcome, Step
from graphs.steps import StepType

EVERYTHING = -1
"""A set of positions with every bit set."""

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
    said_by: Literal["depends_on", "next", "order", "goto"]
    explicit: bool = True


@dataclass(eq=False)
class Site:
    """One step in its place.

    Attributes:
        kind: Its type; None when nobody knows it.
        position: Its place in the list; -1 for those outside of every list.
        role: A fallback or a compensation stands by itself, outside of every list.
        owner: For those: the step they belong to.
        missing: Keys of the step that could not be read.
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
    missing: frozenset[str] = frozenset()
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
        So may a step whose links could not be read, and what comes after it.
        """
        before = [EVERYTHING] * len(self.sites)
        if any("next" in site.missing for site in self.sites):
            return before
        for site in self.in_order:
            if "depends_on" in site.missing:
                continue
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
        free = ((1 << len(self.sites)) - 1) & ~related & ~self._unsure
        return self.sites[(free & -free).bit_length() - 1] if free else None

    @cached_property
    def _unsure(self) -> int:
        """The steps of which it is not known what they wait for."""
        return sum(1 << site.position for site in self.sites if "depends_on" in site.missing)

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
