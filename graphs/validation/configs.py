"""`config` fits the step type's model, as far as that can be said before its expressions are evaluated."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from graphs.errors import Problem
from graphs.loading.findings import Findings
from graphs.loading.places import Path, Place
from graphs.loading.words import Complaint, complaints
from graphs.spec import FromState
from graphs.validation.outline import Outline
from graphs.validation.sites import Site

_PART = re.compile(r"[^.\[\]]+")
_OPENING = "{{"
_COUNTED = frozenset({"container_empty", "min_success_impossible"})
"""Problems of how many steps there are inside: not said where some of them could not be read."""


def check_configs(outline: Outline, findings: Findings) -> None:
    """Every step's `config`, and what its type has to say besides."""
    for site in outline.sites:
        if site.kind is None or "config" in site.missing or findings.full:
            continue
        if _check_config(site, findings):
            # A type's own check may rely on what its model promises.
            for problem in site.kind.check(site.step):
                if problem.code not in _COUNTED or site.missing.isdisjoint(site.kind.containers):
                    _take(problem, site, findings)


def _check_config(site: Site, findings: Findings) -> bool:
    kind, config = site.kind, site.step.config
    assert kind is not None
    try:
        kind.Config.model_validate(config)
    except ValidationError as error:
        found = [one for one in complaints(kind.Config, error) if not _known_later(config, one)]
        for complaint in found:
            _report(complaint, site, findings)
        return not found
    return True


def _known_later(config: Mapping[str, Any], complaint: Complaint) -> bool:
    """Whether it is about a value that is only there once its expression has been evaluated."""
    value: Any = config
    for key in complaint.path:
        value = _child(value, key)
        if isinstance(value, FromState) or (isinstance(value, str) and _OPENING in value):
            return True
    # A model's own rule compares fields, and may have taken an expression for the text it is written as.
    own_rule = complaint.kind in ("value_error", "assertion_error") and isinstance(value, Mapping)
    return own_rule and any(isinstance(one, str) and one.lstrip().startswith(_OPENING) for one in value.values())


def _child(value: Any, key: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list | tuple) and isinstance(key, int) and key < len(value):
        return value[key]
    return value


def _report(complaint: Complaint, site: Site, findings: Findings) -> None:
    place = site.place.at("config", *complaint.path)
    if complaint.key is None:
        findings.add(complaint.code, place, complaint.message, complaint.hint)
        return
    hint = complaint.hint
    if not complaint.path and complaint.key in _STEP_KEYS:
        hint = f"It belongs beside 'config', as `{_STEP_KEYS[complaint.key]}`."
    sentence = f"{findings.called(place)}: {complaint.message}"
    findings.add_sentence(complaint.code, place.at(complaint.key), sentence, hint, at_key=True)


_STEP_KEYS = {
    **{
        key: f"{key}: …"
        for key in ("condition", "depends_on", "output", "retry", "timeout", "on_failure", "compensate")
    },
    "max_attempts": "retry: {max_attempts: …}",
    "max_retries": "retry: {max_retries: …}",
}
"""Keys of a step that are often written one line too deep."""


def _take(problem: Problem, site: Site, findings: Findings) -> None:
    """What a step type found, with its place in the definition; it may or may not have named the step."""
    place = _place_in(site, problem.where or "")
    if f"'{site.name}'" in problem.message:
        findings.add_sentence(problem.code, place, problem.message, problem.hint, severity=problem.severity)
    else:
        findings.add(problem.code, place, problem.message, problem.hint, severity=problem.severity)


def _place_in(site: Site, where: str) -> Place:
    """The place a step type means: `config.items`, or `steps.charge.timeout` of a step inside."""
    for level in site.inner:
        name, _, rest = where.removeprefix(f"{level.key}.").partition(".")
        if where.startswith(f"{level.key}.") and name in level.by_name:
            return _place_in(level.by_name[name], rest)
    return site.place.at(*keys_in(where))


def keys_in(where: str) -> Path:
    """`config.rules[0].field` as keys and indexes."""
    return tuple(int(part) if part.isdecimal() else part for part in _PART.findall(where))
