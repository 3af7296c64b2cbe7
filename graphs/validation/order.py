"""Who waits for whom: links that lead somewhere, no circles, hints that agree."""

from collections.abc import Iterator

from graphs.loading.findings import Findings
from graphs.loading.names import listing, nearest
from graphs.steps import Waiting
from graphs.validation.outline import Outline
from graphs.validation.sites import Level, Link, Site

_MOST_CIRCLES = 20


def check_order(outline: Outline, findings: Findings) -> None:
    """Everything about the links between steps of the same list."""
    for level in outline.levels:
        for site in level.sites:
            if findings.full:
                return
            _check_links(outline, site, findings)
        _check_circles(level, findings)
        _check_hints(level, findings)
    _check_waits(outline, findings)


def _check_links(outline: Outline, site: Site, findings: Findings) -> None:
    wanted = [(link.name, link) for link in site.links if link.said_by == "depends_on"]
    for name, link in wanted:
        if name not in site.level.by_name:
            _leads_nowhere(outline, site, name, link, "depends on", findings)
    goto = site.step.on_failure.goto
    if goto is not None and goto not in site.level.by_name:
        link = Link(goto, "settled", site.place.at("on_failure", "goto"), "goto")
        _leads_nowhere(outline, site, goto, link, "goes to", findings)
    for index, name in enumerate(site.step.next):
        if name not in site.level.by_name:
            link = Link(name, "succeeded", site.place.at("next", index), "next")
            _leads_nowhere(outline, site, name, link, "is followed by", findings)


def _leads_nowhere(outline: Outline, site: Site, name: str, link: Link, verb: str, findings: Findings) -> None:
    sentence = f"{site.place.subject} {verb} '{name}', which is not a step"
    if outline.may_be_unread(name):
        return
    other = outline.anywhere(name)
    if other is None:
        near = nearest(name, site.level.by_name)
        names = [known for known in site.level.by_name if known != site.name]
        hint = f"Did you mean '{near}'?" if near else listing(names, "Steps it can name")
        findings.add_sentence("unknown_dependency", link.place, sentence, hint)
        return
    findings.add_sentence(
        "dependency_out_of_reach",
        link.place,
        f"{sentence} of the same list: it is {other.place.where}",
        _reach(site, other),
    )


def _reach(site: Site, other: Site) -> str:
    """How to wait for a step of another list: between steps that stand in one."""
    mine, theirs = _chain(site), _chain(other)
    for one in mine:
        for another in theirs:
            if one.level is another.level and one is not another:
                waiter = "it" if one is site else f"'{one.name}', the step around it,"
                return f"Let {waiter} depend on '{another.name}'."
    return "Steps wait only for steps of their own list."


def _chain(site: Site) -> list[Site]:
    chain = [site]
    while (around := chain[-1].owner or chain[-1].level.around) is not None:
        chain.append(around)
    return chain


def _check_circles(level: Level, findings: Findings) -> None:
    if len(level.in_order) == len(level.sites):
        return
    for count, circle in enumerate(_circles(level)):
        if count == _MOST_CIRCLES:
            return
        names = [site.name for site in circle]
        link = next(link for link in circle[0].links if link.name == names[1 % len(names)])
        if len(names) == 1:
            sentence = f"{circle[0].place.subject} depends on itself"
        else:
            way = " → ".join([*names, names[0]])
            sentence = f"steps depend on each other in a circle: {way} (each waits for the next)"
        findings.add_sentence("circular_dependency", link.place, sentence, "Remove one of these dependencies.")


def _circles(level: Level) -> Iterator[list[Site]]:
    """Each circle once, each step waiting for the next, from the step that is written first.

    Found by following links depth first; a link to a step on the way there closes a circle.
    """
    ordered = set(level.in_order)
    done: set[Site] = set()
    seen: set[tuple[str, ...]] = set()
    for start in level.sites:
        if start in ordered or start in done:
            continue
        way, branches = [start], [level.awaited(start)]
        on_way = {start: 0}
        while way:
            other = next(branches[-1], None)
            if other is None:
                finished = way.pop()
                branches.pop()
                del on_way[finished]
                done.add(finished)
            elif other in on_way:
                circle = _from_the_first(way[on_way[other] :])
                if (names := tuple(site.name for site in circle)) not in seen:
                    seen.add(names)
                    yield circle
            elif other not in done and other not in ordered:
                on_way[other] = len(way)
                way.append(other)
                branches.append(level.awaited(other))


def _from_the_first(circle: list[Site]) -> list[Site]:
    first = min(range(len(circle)), key=lambda index: circle[index].position)
    return circle[first:] + circle[:first]


def _check_hints(level: Level, findings: Findings) -> None:
    """`parallel` says nothing by itself; where it says something else than the links do, somebody is mistaken (X09)."""
    for site in level.sites:
        if site.step.parallel is None:
            continue
        hint = "What runs side by side is said by 'depends_on' alone."
        if site.step.parallel:
            rival = next((other for other in level.awaited(site) if other.step.parallel), None)
            words = f"it is marked parallel, and waits for '{rival.name}', which is marked so too" if rival else ""
        else:
            rival = level.beside(site)
            words = f"it is marked as not parallel, and may run at the same time as '{rival.name}'" if rival else ""
        if rival is not None:
            findings.add("parallel_contradicts", site.place.at("parallel"), words, hint, severity="warning")


def _check_waits(outline: Outline, findings: Findings) -> None:
    """X06: a wait for what a failed step should have caused lasts until its timeout."""
    for site in outline.sites:
        waits = isinstance(site.kind, Waiting) and "event_type" in site.step.config
        for link in site.links if waits and site.step.condition is None else ():
            other = site.level.by_name.get(link.name)
            if other is not None and link.outcome == "succeeded" and other.step.on_failure.action == "continue":
                sentence = (
                    f"{site.place.subject} waits for an event even when '{other.name}' has failed, "
                    f"because that one says `on_failure: continue`"
                )
                hint = (
                    f"If '{other.name}' causes the event, remove its `on_failure: continue`, "
                    f"or give it a fallback that causes it in another way."
                )
                findings.add_sentence("wait_after_tolerated_failure", link.place, sentence, hint, severity="warning")
