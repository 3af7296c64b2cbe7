"""What a definition refers to outside of itself: workflows, services, functions, tools, agents."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from graphs.composites.branching import Switch
from graphs.composites.subworkflow import SubWorkflow
from graphs.loading.findings import Findings
from graphs.loading.names import nearest, suggestion
from graphs.loading.places import Path, Place
from graphs.spec import Workflow
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
        if (resolve := known.workflow) is not None:
            for link in _links(site):
                _check_link(link, outline.workflow, known, resolve, findings)


def unchecked_links(outline: Outline, known: Known) -> list[str]:
    """The workflows that are named, and of which nobody could say whether they are published."""
    if known.absent is not None and known.workflow is not None:
        return []
    named = {link for site in outline.sites for link in _links(site) if link.what == "workflow"}
    return sorted({link.name for link in named if known.workflow is None or _is_missing(link, outline, known.workflow)})


def _check_default_route(site: Site, unread: Collection[str], findings: Findings) -> None:
    route = site.step.config.get("default_route")
    names = [case.name or f"case_{index}" for index, case in enumerate(site.step.cases)]
    if isinstance(route, str) and "{{" not in route and route not in names and route not in unread:
        place = site.place.at("config", "default_route")
        findings.add("route_unknown", place, f"there is no case '{route}'", suggestion(route, names, "Cases"))


class _Link(NamedTuple):
    """A workflow (or an agent, in a version of its own) that a step names, as it is written and not computed."""

    site: Site
    path: Path
    name: str
    version: str | None
    what: Literal["workflow", "agent"] = "workflow"

    @property
    def place(self) -> Place:
        return self.site.place.at(*self.path)

    @property
    def is_step(self) -> bool:
        return self.path == ("config", "workflow")

    @property
    def cleans_up(self) -> bool:
        return self.path[0] == "on_timeout"


def _links(site: Site) -> Iterator[_Link]:
    step, config = site.step, site.step.config
    if step.on_timeout is not None and (name := step.on_timeout.compensation_workflow) is not None:
        yield _Link(site, ("on_timeout", "compensation_workflow"), name, None)
    if isinstance(site.kind, SubWorkflow) and (target := _target(config)) is not None:
        yield _Link(site, ("config", "workflow"), *target)
    if step.type != "agent":
        return
    agent = config.get("agent")
    if isinstance(agent, str) and "@" in agent and "{{" not in agent:
        name, _, version = agent.partition("@")
        yield _Link(site, ("config", "agent"), name, version, "agent")
    for path, holder in ((("config",), config), (("config", "agent"), agent)):
        tools = holder.get("tools") if isinstance(holder, Mapping) else None
        for index, tool in enumerate(tools if isinstance(tools, list | tuple) else ()):
            if isinstance(tool, Mapping) and (target := _target(tool)) is not None:
                yield _Link(site, (*path, "tools", index, "workflow"), *target)


def _target(config: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """The workflow that is named, when it is known before it runs."""
    name, version = config.get("workflow"), config.get("version")
    if not isinstance(name, str) or "{{" in name or not isinstance(version, str | None):
        return None
    return name, version if version is None or "{{" not in version else None


def _is_missing(link: _Link, outline: Outline, resolve: Resolve) -> bool:
    return not _is(outline.workflow, link.name, link.version) and resolve(link.name, link.version) is None


def _check_link(link: _Link, workflow: Workflow, known: Known, resolve: Resolve, findings: Findings) -> None:
    if link.cleans_up and link.name == workflow.name:
        words = "the workflow cannot clean up after itself by starting itself"
        findings.add("workflow_contains_itself", link.place, words, "Name another workflow.")
        return
    own = link.is_step and _is(workflow, link.name, link.version)
    inner = workflow if own else resolve(link.name, link.version)
    if inner is None:
        _tell_unknown(link, known, findings)
    elif link.is_step and (way := _way_back(workflow, inner, resolve)) is not None:
        words = f"the workflow would contain itself: {' → '.join([workflow.name, *way])}"
        findings.add("workflow_contains_itself", link.place, words, "Use a 'loop' for what is to be repeated.")
    elif link.is_step:
        _check_given(link.site, inner, findings)


def _tell_unknown(link: _Link, known: Known, findings: Findings) -> None:
    if known.absent is None:
        return
    which = f"'{link.name}'" + (f" in version {link.version}" if link.version is not None else "")
    near = nearest(link.name, known.workflows) if link.name not in known.workflows else None
    name, at, version = link.name.partition("@")
    if at:
        hint = f'Write `workflow: {name}` and `version: "{version}"`.'
    else:
        hint = f"Did you mean '{near}'?" if near else "Publish it first, or correct the name."
    words = f"there is no {link.what} {which}"
    findings.add(f"{link.what}_unknown", link.place, words, hint, severity=known.absent)


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
