"""Names and containers: every step has a name of its own, a type that exists, and the lists of steps it needs."""

from collections.abc import Iterable, Iterator

from graphs.composites.base import MAX_NESTING
from graphs.loading.findings import Findings
from graphs.loading.names import listing
from graphs.spec import Step
from graphs.steps import StepTypes
from graphs.validation.outline import Outline
from graphs.validation.sites import Level, Site


def check_names(outline: Outline, findings: Findings) -> None:
    """Names within one list are different, and none hides another that could be meant."""
    for level in outline.levels:
        _check_level(level, findings)
    for site in outline.sites:
        if site.inner:
            _check_branches(site, findings)
            _check_cases(site, findings)
    for site in outline.too_deep:
        words = f"steps are nested more than {MAX_NESTING} deep."
        findings.add("nested_too_deep", site.place, words, "Move the inner steps into a workflow of their own.")


def _check_level(level: Level, findings: Findings) -> None:
    for site in level.sites:
        first = level.by_name[site.name]
        if first is not site:
            _twice(site, first, "in this list", findings)
        elif (outer := _outer_namesake(level, site.name)) is not None:
            findings.add_sentence(
                "name_hides_another",
                site.place.at("name"),
                f"{site.place.subject} has the name of {outer.place.subject}, "
                f"which cannot be read as 'steps.{site.name}' in there",
                "Give one of them another name.",
                severity="warning",
            )


def _twice(site: Site, first: Site, where: str, findings: Findings) -> None:
    sentence = f"the name '{site.name}' is given to two steps {where}; the first is {first.place.where}"
    findings.add_sentence("duplicate_step", site.place.at("name"), sentence, "Give each step a name of its own.")


def _outer_namesake(level: Level, name: str) -> Site | None:
    around = level.around
    while around is not None:
        found = around.level.by_name.get(name)
        if found is not None and found is not around:
            return found
        around = around.level.around
    return None


def _check_branches(site: Site, findings: Findings) -> None:
    """A group's branches and its single steps are counted and reported under their names, side by side."""
    names = {step.name for step in site.step.steps}
    for branch in site.step.branches:
        if branch in names:
            findings.add_sentence(
                "duplicate_step",
                site.place.at("branches", branch),
                f"{site.place.subject}: the name '{branch}' is given to a step and to a branch",
                "Give one of them another name.",
                at_key=True,
            )


def _check_cases(site: Site, findings: Findings) -> None:
    taken: set[str] = set()
    for index, case in enumerate(site.step.cases):
        if case.name is not None and case.name in taken:
            words = f"the name '{case.name}' is given to two cases"
            findings.add("duplicate_case", site.place.at("cases", index, "name"), words, "Give each one of its own.")
        taken.add(case.name or "")


def check_types(outline: Outline, step_types: StepTypes, findings: Findings, *, made: bool) -> None:
    """Types exist, may be used here, and have the lists of steps they need and no others."""
    for site in outline.sites:
        if findings.full:
            return
        if site.kind is None:
            findings.add(
                "step_type_unknown",
                site.place.at("type"),
                f"no step type '{site.step.type}'.",
                step_types.suggestion(site.step.type),
            )
        else:
            allowed = site.kind.written_in
            if not made and allowed is not None and outline.workflow.name not in allowed:
                words = f"the step type '{site.step.type}' is a part of Baton, and not for use in definitions"
                hint = step_types.suggestion(site.step.type)
                findings.add("step_type_internal", site.place.at("type"), words, hint)
            _check_containers(site, findings)
        _check_alone(site, findings)


def _check_containers(site: Site, findings: Findings) -> None:
    kind = site.kind
    assert kind is not None
    used = set(containers_of(site.step))
    for key in sorted(used - kind.containers):
        takes = listing(sorted(kind.containers), "It takes") if kind.containers else "It takes no steps inside."
        words = f"a '{kind.name}' step has no '{key}'"
        findings.add("container_not_used", site.place.at(key), words, takes, at_key=True)
    for key in sorted(kind.required_containers - used - site.missing):
        words = f"a '{kind.name}' step needs '{key}', with the steps to run"
        findings.add("container_missing", site.place, words, f"Add `{key}: …`.")


def containers_of(step: Step) -> Iterator[str]:
    """The keys of a step that hold steps."""
    filled: Iterable[tuple[str, object]] = (
        ("steps", step.steps or None),
        ("branches", step.branches or None),
        ("cases", step.cases or None),
        ("default", step.default),
        ("then", step.then),
        ("else", step.else_),
    )
    yield from (key for key, value in filled if value is not None)


def _check_alone(site: Site, findings: Findings) -> None:
    """A fallback or a compensation stands in no list, so links of its own lead nowhere."""
    if site.role == "step":
        return
    for key, links in (("depends_on", site.step.depends_on), ("next", site.step.next)):
        if links:
            words = f"a {_ROLES[site.role]} has no neighbours it could wait for"
            findings.add("links_not_used", site.place.at(key), words, f"Remove '{key}'.", at_key=True)


_ROLES = {"fallback": "fallback", "compensate": "compensation"}
