"""What an execution needs of the engine that takes it up.

A command that knows other services and functions than the one that started an execution must not end it: what this
process cannot do is left for one that can.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from agents.models.known import judge_for
from agents.reasoning.agents import Agents
from agents.reasoning.defining import own_tools
from agents.services.services import Services
from agents.tools.functions import Functions
from agents.tools.tools import Tools
from graphs.errors import StoreError
from graphs.loading.findings import Findings
from graphs.prepare import Library
from graphs.spec import Workflow
from graphs.validation import Known
from graphs.validation.expressions import check_expressions
from graphs.validation.outline import Outline
from graphs.validation.uses import check_uses, uses
from orchestrator.resources import for_tenant
from orchestrator.secrets import EngineSecrets, reads_secrets
from orchestrator.store.port import Execution

_SET_BY = "BATON_SERVICES, BATON_MODULES, BATON_SECRETS, --module"
_MISSING = ("service_unknown", "function_unknown", "tool_unknown", "secret_unknown")


def check_needs(execution: Execution, workflow: Workflow, library: Library, resources: Mapping[type, Any]) -> None:
    """Whether this engine offers what the execution's steps name.

    Raises:
        StoreError: `resources_missing`, naming what is not there.
    """
    definitions = _named(workflow, execution.pins, library)
    own = for_tenant(resources, execution.tenant)
    asked = "missing" if own is resources else f"missing of {execution.tenant}"
    missing = sorted({words for one in definitions for words in _missing(one, library, own, asked, execution.pins)})
    if missing:
        raise StoreError(
            f"Execution '{execution.id}' of {execution.workflow}@{execution.version} is not taken up here: "
            f"{' '.join(missing)}",
            hint=f"Go on where they are set ({_SET_BY}): baton resume {execution.id}.",
            code="resources_missing",
        )


def _named(workflow: Workflow, pins: Mapping[str, str], library: Library) -> list[Workflow]:
    """The workflow and those it names, however deep; those it may only come to run are no reason to leave it."""
    found = {workflow.digest: workflow}
    waiting = [workflow]
    while waiting:
        for name, version in waiting.pop().subworkflows:
            inner = library.workflow(pins.get(f"{name}@{version}" if version else name, ""))
            if inner is not None and inner.digest not in found:
                found[inner.digest] = inner
                waiting.append(inner)
    return list(found.values())


def known_of(resources: Mapping[type, Any]) -> Known:
    """What an engine with these resources offers by name; of kinds it has no registry of, nothing is said."""
    return Known(
        services=_names(resources, Services),
        functions=_names(resources, Functions),
        tools=_names(resources, Tools) if resources.get(Tools, Tools()).complete else None,
        agents=_names(resources, Agents),
        capabilities=resources[Agents].capabilities if Agents in resources else None,
        secrets=_names(resources, EngineSecrets),
        model=judge_for(resources),
    )


def _with_own_tools(known: Known, resources: Mapping[type, Any]) -> Known:
    """What registered agents bring with them is there for them."""
    if known.tools is None or (agents := resources.get(Agents)) is None:
        return known
    return replace(known, tools=(*known.tools, *own_tools(agents)))


def _missing(
    workflow: Workflow, library: Library, resources: Mapping[type, Any], asked: str, pinned: Collection[str]
) -> tuple[str, ...]:
    def find() -> tuple[str, ...]:
        findings = Findings(None)
        outline, known = Outline(workflow, library.step_types), _with_own_tools(known_of(resources), resources)
        check_uses(outline, known, findings)
        if reads_secrets(workflow):
            check_expressions(outline, known, findings)
        missing = [problem.message for problem in findings.problems() if problem.code in _MISSING]
        return (*missing, *_agents_missing(outline, known.agents, pinned))

    return library.remember(asked, f"{workflow.digest} {' '.join(sorted(pinned))}", find)


def _agents_missing(outline: Outline, names: Collection[str] | None, pinned: Collection[str]) -> Iterator[str]:
    """An agent is one of this engine's, or a published one, to which the execution is pinned."""
    if names is None:
        return
    for use in uses(outline):
        if use.thing == "agent" and use.sure and use.name not in names and use.name not in pinned:
            yield f"step '{use.site.name}', config.agent: there is no agent '{use.name}' in this engine's settings."


def _names(resources: Mapping[type, Any], kind: type[Any]) -> tuple[str, ...] | None:
    registry = resources.get(kind)
    return tuple(registry.names()) if registry is not None else None
