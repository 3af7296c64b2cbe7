"""What steps name of an engine's settings: services, functions, tools, agents, limits (I02, I10, X30)."""

from collections.abc import Collection, Iterator, Mapping
from itertools import repeat
from typing import Any, NamedTuple

from graphs.loading.findings import Findings, Severity
from graphs.loading.names import suggestion
from graphs.loading.places import Path
from graphs.spec import AGENT_LABEL
from graphs.validation.known import THINGS, Judge, Known, Thing
from graphs.validation.outline import Outline
from graphs.validation.sites import Site

_EACH = "[]"
_TOOLS: tuple[tuple[tuple[str, ...], Thing], ...] = (
    (("tools",), "tool"),
    (("tools", _EACH), "tool"),
    (("tools", _EACH, "tool"), "tool"),
    (("tools", _EACH, "service"), "service"),
    (("tools", _EACH, "undo"), "tool"),
    (("tools", _EACH, "undo", "tool"), "tool"),
    (("tools", _EACH, "undo", "service"), "service"),
)
_USES: Mapping[str, tuple[tuple[tuple[str, ...], Thing], ...]] = {
    "service_call": ((("service",), "service"),),
    "validation": ((("validation_rules", _EACH, "service"), "service"),),
    "function": ((("function",), "function"),),
    "tool": ((("tool",), "tool"),),
    "agent": (
        (("agent",), "agent"),
        *_TOOLS,
        *((("agent", *pattern), thing) for pattern, thing in _TOOLS),  # of an agent that is written out
    ),
}
"""For our step types, where in `config` they name which thing."""

_NONE: Mapping[Thing, str] = {
    "service": "None are configured: BATON_SERVICES names them.",
    "function": "None are configured: BATON_MODULES names the modules that offer functions.",
    "tool": "None are configured: BATON_MODULES names the modules that offer tools.",
    "agent": "None are configured: publish one, or name the module that offers it in BATON_MODULES.",
}
"""What to do where there are none at all."""

_ASK_MODELS = ("agent", "switch")
"""Step types of ours whose `model` is a model's name."""

_GUESSES: tuple[tuple[tuple[str, ...], Thing], ...] = tuple(((thing,), thing) for thing in THINGS)
"""For others' types: a key that is called so probably means it."""


class Use(NamedTuple):
    """A name in a step's `config`.

    Attributes:
        sure: The step's type is one of ours, so that it is known what the name means.
    """

    site: Site
    path: Path
    thing: Thing
    name: str
    sure: bool


def uses(outline: Outline) -> Iterator[Use]:
    """All names of things, as far as they are written and not computed."""
    for site in outline.sites:
        sure = site.step.type in _USES
        if site.step.type == "tool" and site.step.config.get("tool") is None and "config" not in site.missing:
            yield Use(site, (), "tool", site.name, sure)  # the tool that has the step's own name (X30)
        for pattern, thing in _USES.get(site.step.type, _GUESSES):
            own = frozenset(endpoints_of(site.step.config)) if "undo" in pattern else frozenset()
            for path, name in _texts(site.step.config, pattern):
                # `module:function` is found by its path, and `agent@version` is a published one.
                if name not in own and not any(mark in name for mark in ("{{", ":", "@")):
                    yield Use(site, path, thing, name, sure)


def endpoints_of(config: Mapping[str, Any]) -> Iterator[str]:
    """The names of the endpoints that are tools of an agent step: one may undo another."""
    for pattern in (("tools", _EACH), ("agent", "tools", _EACH)):
        for _, use in _found(config, pattern):
            if isinstance(use, Mapping) and use.get("service") is not None and isinstance(name := use.get("name"), str):
                yield name


def _texts(value: Any, pattern: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    return ((where, found) for where, found in _found(value, pattern) if isinstance(found, str))


def _found(value: Any, pattern: tuple[str, ...], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if not pattern:
        yield path, value
    elif pattern[0] == _EACH:
        for index, item in enumerate(value if isinstance(value, list | tuple) else ()):
            yield from _found(item, pattern[1:], (*path, index))
    elif isinstance(value, Mapping) and pattern[0] in value:
        yield from _found(value[pattern[0]], pattern[1:], (*path, pattern[0]))


def check_uses(outline: Outline, known: Known, findings: Findings) -> None:
    """What is named exists. An agent that does not may still be a published one."""
    for site, path, thing, name, sure in uses(outline):
        names = known.names(thing)
        if names is None or name in names:
            continue
        if thing == "agent" and _is_published(name, known):
            continue
        severity: Severity = "error" if sure and thing != "agent" else "warning"
        words = f"there is no {thing} '{name}' in this engine's settings"
        own = endpoints_of(site.step.config) if "undo" in path else ()
        there = (*own, *names)
        hint = suggestion(name, there, f"Configured {thing}s") if there else _NONE[thing]
        findings.add(f"{thing}_unknown", site.place.at("config", *path), words, hint, severity=severity)
    for site in outline.sites if known.limits is not None else ():
        _check_limits(site, known.limits or (), findings)
    for site in outline.sites:
        _check_capability(site, known, findings)
    if known.model is not None:
        for site in outline.sites:
            _check_model(site, known.model, findings)


def _check_model(site: Site, judge: Judge, findings: Findings) -> None:
    model = site.step.config.get("model") if site.step.type in _ASK_MODELS else None
    if not isinstance(model, str) or "{{" in model or (problem := judge(model)) is None:
        return
    if problem.code == "model_invalid" and site.step.type == "agent":  # its step type says so, whatever is known
        return
    place = site.place.at("config", "model")
    findings.add(problem.code, place, problem.message.removesuffix("."), problem.hint, severity=problem.severity)


def _check_capability(site: Site, known: Known, findings: Findings) -> None:
    """Somebody can do what is asked for, as far as it is known who there is; another may still be published."""
    wanted = site.step.config.get("agent_capability") if site.step.type == "agent" else None
    if not isinstance(wanted, str) or "{{" in wanted or (there := _capabilities(known)) is None or wanted in there:
        return
    place = site.place.at("config", "agent_capability")
    words = f"no agent that is known here has the capability '{wanted}'"
    hint = suggestion(wanted, there, "Capabilities") if there else "Agents say it: capabilities: [...]."
    findings.add("capability_unknown", place, words, hint, severity="warning")


def _capabilities(known: Known) -> list[str] | None:
    """What registered and published agents can do; None where no agent is known of."""
    named = map(known.workflow, known.workflows, repeat(None)) if known.workflow is not None else ()
    agents = [one for one in named if one is not None and AGENT_LABEL in one.metadata.labels]
    if known.capabilities is None and not agents:
        return None
    return sorted({*(known.capabilities or ()), *(tag for agent in agents for tag in agent.metadata.tags)})


def _is_published(agent: str, known: Known) -> bool:
    return known.workflow is not None and known.workflow(agent, None) is not None


def _check_limits(site: Site, names: Collection[str], findings: Findings) -> None:
    for index, name in enumerate(site.step.limits):
        if name not in names:
            words = f"nothing in this engine's settings bounds '{name}'"
            hint = suggestion(name, names, "Known limits") if names else "Say it in BATON_LIMITS."
            findings.add("limit_unknown", site.place.at("limits", index), words, hint, severity="warning")


def unchecked_uses(outline: Outline, known: Known) -> Iterator[tuple[Thing, list[str]]]:
    """The names of which nobody could say whether they exist, by the kind of thing."""
    found: dict[Thing, set[str]] = {}
    for use in uses(outline):
        if (
            use.sure
            and known.names(use.thing) is None
            and not (use.thing == "agent" and _is_published(use.name, known))
        ):
            found.setdefault(use.thing, set()).add(use.name)
    for thing in THINGS:
        if thing in found:
            yield thing, sorted(found[thing])
