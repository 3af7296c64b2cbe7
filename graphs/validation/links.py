"""What a definition refers to outside of itself: workflows, services, functions, tools, agents."""

from collections.abc import Collection, Mapping

from graphs.composites.branching import Switch
from graphs.composites.subworkflow import SubWorkflow
from graphs.loading.findings import Findings
from graphs.loading.names import nearest, suggestion
from graphs.spec import Step, Workflow
from graphs.validation.known import Known, Resolve
from graphs.validation.outline import Outline
from graphs.validation.sites import Site
from graphs.validation.uses import check_uses

_MOST_WORKFLOWS = 500
"""Workflows looked into for circles; each is looked into once."""


def check_links(outline: Outline, known: Known, findings: Findings) -> None:
    """Names of other things lead somewhere, and no workflow contains itself."""
    check_uses(outline, known, findings)
    for site in outline.sites:
        if isinstance(site.kind, Switch):
            _check_default_route(site, outline.gaps.names, findings)
        if known.workflow is not None:
            _check_workflows(site, outline.workflow, known, known.workflow, findings)


def _check_default_route(site: Site, unread: Collection[str], findings: Findings) -> None:
    route = site.step.config.get("default_route")
    names = [case.name or f"case_{index}" for index, case in enumerate(site.step.cases)]
    if isinstance(route, str) and "{{" not in route and route not in names and route not in unread:
        place = site.place.at("config", "default_route")
        findings.add("route_unknown", place, f"there is no case '{route}'", suggestion(route, names, "Cases"))


def _check_workflows(site: Site, workflow: Workflow, known: Known, resolve: Resolve, findings: Findings) -> None:
    timeout = site.step.on_timeout
    if timeout is not None and (name := timeout.compensation_workflow) is not None:
        place = site.place.at("on_timeout", "compensation_workflow")
        if name == workflow.name:
            words = "the workflow cannot clean up after itself by starting itself"
            findings.add("workflow_contains_itself", place, words, "Name another workflow.")
        elif resolve(name, None) is None:
            findings.add("workflow_unknown", place, f"there is no workflow '{name}'", _near(name, known))
    if isinstance(site.kind, SubWorkflow) and (target := _target(site.step)) is not None:
        _check_sub_workflow(site, target, workflow, known, resolve, findings)


def _near(name: str, known: Known) -> str:
    near = nearest(name, known.workflows) if name not in known.workflows else None
    return f"Did you mean '{near}'?" if near else "Publish it first, or correct the name."


def _target(step: Step) -> tuple[str, str | None] | None:
    """The workflow a step runs, when it is known before it runs."""
    name, version = step.config.get("workflow"), step.config.get("version")
    if not isinstance(name, str) or "{{" in name or not isinstance(version, str | None):
        return None
    return name, version if version is None or "{{" not in version else None


def _check_sub_workflow(
    site: Site,
    target: tuple[str, str | None],
    workflow: Workflow,
    known: Known,
    resolve: Resolve,
    findings: Findings,
) -> None:
    name, version = target
    place = site.place.at("config", "workflow")
    inner = workflow if _is(workflow, name, version) else resolve(name, version)
    if inner is None:
        which = f"'{name}'" + (f" in version {version}" if version is not None else "")
        findings.add("workflow_unknown", place, f"there is no workflow {which}", _near(name, known))
        return
    if (way := _way_back(workflow, inner, resolve)) is not None:
        words = f"the workflow would contain itself: {' → '.join([workflow.name, *way])}"
        findings.add("workflow_contains_itself", place, words, "Use a 'loop' for what is to be repeated.")
    else:
        _check_given(site, inner, findings)


def _way_back(workflow: Workflow, first: Workflow, resolve: Resolve) -> list[str] | None:
    """How one workflow leads back to another through those it contains; None when it does not."""
    seen: set[str] = set()
    waiting: list[tuple[Workflow, list[str]]] = [(first, [first.name])]
    while waiting and len(seen) < _MOST_WORKFLOWS:
        current, way = waiting.pop()
        if _is(workflow, current.name, current.version):
            return way
        if current.digest in seen:
            continue
        seen.add(current.digest)
        for name, version in current.subworkflows:
            if _is(workflow, name, version):
                return [*way, name]
            if (inner := resolve(name, version)) is not None:
                waiting.append((inner, [*way, name]))
    return None


def _is(workflow: Workflow, name: str, version: str | None) -> bool:
    """Whether a name means this very workflow; an older version of it is another, and may be contained."""
    return name == workflow.name and version in (None, workflow.version)


def _check_given(site: Site, inner: Workflow, findings: Findings) -> None:
    """The input of a sub-workflow has what that one's schema requires."""
    schema = inner.spec.input.schema_ or {}
    given = site.step.config.get("input", {})
    required = schema.get("required")
    if not isinstance(given, Mapping) or not isinstance(required, list):
        return
    for name in required:
        if name not in given:
            words = f"the workflow '{inner.name}' needs '{name}', which is not given"
            place = site.place.at("config", "input")
            findings.add("input_not_given", place, words, f"Add '{name}' to 'config.input'.")
