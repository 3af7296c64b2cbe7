"""Which variables are set before a step runs: the workflow's own, and those that steps before it write."""

from collections.abc import Iterator

from graphs.composites.loops import Loop
from graphs.validation.outline import Outline
from graphs.validation.sites import EVERYTHING, Level, Site, View


class Variables:
    """Who writes which variable."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._first_values = frozenset(outline.workflow.spec.variables)
        self._levels: dict[Level, tuple[dict[str, int], int]] = {}

    def known(self, name: str, view: View, site: Site | None) -> bool:
        """Whether a variable has a value at a place, or may have one."""
        if name in self._first_values or self._may_be_unread(name):
            return True
        for level, mask in _layers(view, site):
            writers, unknown = self._writers(level)
            if mask & (writers.get(name, 0) | unknown):
                return True
        return False

    def _may_be_unread(self, name: str) -> bool:
        gaps = self._outline.gaps
        return name in gaps.names or gaps.cover(("spec", "variables"))

    def names(self, view: View, site: Site | None) -> Iterator[str]:
        """All variables that have a value at a place."""
        yield from sorted(self._first_values)
        for level, mask in _layers(view, site):
            yield from (name for name, writers in self._writers(level)[0].items() if writers & mask)

    def writer(self, name: str) -> Site | None:
        """A step that sets a variable, wherever it stands."""
        return next((site for site in self._outline.sites if name in (written_by(site) or ())), None)

    def sources(self, name: str) -> tuple[bool, bool]:
        """Whether a variable is set somewhere, and whether some step sets variables nobody can name before it runs."""
        writers, unknown = self._writers(self._outline.main)
        return name in self._first_values or name in writers or self._may_be_unread(name), bool(unknown)

    def _writers(self, level: Level) -> tuple[dict[str, int], int]:
        """For each variable the positions of the steps that set it; and those that may set any."""
        if level not in self._levels:
            writers: dict[str, int] = {}
            unknown = 0
            for site in level.sites:
                names, more = self._written_inside(site)
                unknown |= more << site.position
                for name in names:
                    writers[name] = writers.get(name, 0) | 1 << site.position
            self._levels[level] = writers, unknown
        return self._levels[level]

    def _written_inside(self, site: Site) -> tuple[set[str], bool]:
        """The variables a step sets, with the steps inside it: they are passed on when it has completed."""
        own = written_by(site)
        names, unknown = set(own or ()), own is None
        for level in site.inner:
            writers, more = self._writers(level)
            names |= writers.keys()
            unknown = unknown or bool(more)
        if (fallback := site.step.on_failure.fallback) is not None:
            unknown = unknown or fallback.variables == "merge"
            names |= set(() if fallback.variables == "merge" else fallback.variables)
        return names, unknown


def written_by(site: Site) -> frozenset[str] | None:
    """The variables a step itself sets; None when only its output will tell."""
    variables = site.step.variables
    if "variables" in site.missing:
        return None
    if variables == "merge":
        return None if site.step.output is None else frozenset(site.step.output)
    return frozenset(variables)


def _layers(view: View, site: Site | None) -> Iterator[tuple[Level, int]]:
    yield from view.layers
    around = site.level.around if site is not None else None
    while around is not None:
        if isinstance(around.kind, Loop):
            # What one iteration sets, the next one sees.
            yield from ((level, EVERYTHING) for level in around.inner)
        around = around.level.around
