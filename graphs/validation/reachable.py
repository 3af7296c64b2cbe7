"""Steps that can never run: what they need cannot come together, or no data leads to them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from graphs.composites.branching import Conditional, Switch, same_value
from graphs.composites.groups import Map
from graphs.composites.loops import Loop
from graphs.errors import ExpressionError
from graphs.expressions import Condition, parse_condition, parse_template, unparse, verdict
from graphs.loading.findings import Findings
from graphs.loading.places import Place
from graphs.spec import Case
from graphs.validation.outline import Outline
from graphs.validation.sites import Level, Link, Site


def check_reachable(outline: Outline, findings: Findings) -> None:
    """Every step can run, as far as that does not depend on data."""
    for level in outline.levels:
        _check_needs(level, findings)
    for site in outline.sites:
        if "config" in site.missing:
            continue
        if isinstance(site.kind, Switch):
            _check_cases(site, findings)
        else:
            _check_inside(site, findings)


# -- what a step needs ---------------------------------------------------------------------------------------------


def _check_needs(level: Level, findings: Findings) -> None:
    """Steps that would need another to have both gone well and failed, or to fail though it never runs."""
    good, bad = [0] * len(level.sites), [0] * len(level.sites)
    never: set[Site] = set()
    for site in level.in_order:
        if holds(site.step.condition) is False:
            words = "the condition is always false, so the step never runs"
            _tell(findings, site.place.at("condition"), words, "Remove the step, or correct its condition.")
        for link in site.links:
            other = level.by_name.get(link.name)
            if other is None:
                continue
            if other in never and link.outcome != "settled":
                never.add(site)
            _require(link, other, site, good, bad)
        both = good[site.position] & bad[site.position]
        impossible = _impossible(level, site)
        if site in never or (not both and impossible is None):
            continue
        never.add(site)
        culprit = level.sites[(both & -both).bit_length() - 1] if both else impossible
        assert culprit is not None
        reason = "to have both succeeded and failed" if both else "to fail, and it never runs"
        sentence = f"{site.place.subject} can never run: it needs '{culprit.name}' {reason}"
        hint = "Let it wait for one outcome, or use `outcome: settled`."
        findings.add_sentence("unreachable_step", site.place, sentence, hint)


def _require(link: Link, other: Site, site: Site, good: list[int], bad: list[int]) -> None:
    """What must have happened before `site` runs, by way of one link."""
    if link.outcome == "settled":
        return
    here, there = site.position, other.position
    good[here] |= good[there]
    bad[here] |= bad[there]
    if link.outcome == "failed":
        bad[here] |= 1 << there
    elif not _may_fail_and_go_on(other):
        good[here] |= 1 << there


def _may_fail_and_go_on(site: Site) -> bool:
    timeout = site.step.on_timeout
    return (
        not site.missing.isdisjoint(("on_failure", "on_timeout"))
        or site.step.on_failure.action in ("continue", "fallback", "escalate", "goto")
        or (timeout is not None and timeout.action == "continue")
    )


def _impossible(level: Level, site: Site) -> Site | None:
    """A step that is to fail and is always skipped."""
    for link in site.links:
        other = level.by_name.get(link.name)
        if other is not None and link.outcome == "failed" and holds(other.step.condition) is False:
            return other
    return None


# -- what leads to the steps inside --------------------------------------------------------------------------------


def _check_inside(site: Site, findings: Findings) -> None:
    """Lists of steps inside a step that nothing leads to."""
    step, place = site.step, site.place.at("config")
    if isinstance(site.kind, Conditional):
        way = holds(step.config.get("if"))
        dead = "else" if way else "then"
        if way is not None and (step.else_ if way else step.then):
            words = f"the condition is always {str(way).lower()}, so '{dead}' never runs"
            _tell(findings, place.at("if"), words, f"Remove '{dead}', or correct the condition.")
        return
    if isinstance(site.kind, Loop) and holds(step.config.get("while")) is False:
        words = "the condition is always false, so the steps inside never run"
        _tell(findings, place.at("while"), words, "Remove the loop, or correct its condition.")
    if isinstance(site.kind, Loop | Map) and step.steps and _constant(step.config.get("items")) in ([], ()):
        _tell(findings, place.at("items"), "there are no items, so the steps inside never run", "Give it some.")


class _Asked(NamedTuple):
    """What a case fits: `equals` is None where it fits every value, `when` where it holds always."""

    label: str
    equals: Any
    when: str | None

    @property
    def always(self) -> bool:
        return self.equals is None and self.when is None

    def wider(self) -> Iterator[tuple[Any, str | None]]:
        """What fits whenever this case does: itself first, then what asks less."""
        value = _hashable(self.equals)
        yield from dict.fromkeys([(value, self.when), (value, None), (None, self.when), (None, None)])


def _hashable(value: Any) -> Any:
    """Equal for what the switch takes for the same; for lists and mappings when they are written alike."""
    if value is None or isinstance(value, str | int | float):
        return None if value is None else (isinstance(value, bool), value)
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=repr)


def _check_cases(site: Site, findings: Findings) -> None:
    """Cases that are never taken: nothing fits them, or one before them fits all that they fit."""
    config, place = site.step.config, site.place.at("cases")
    if "model" in config or "cases" in site.missing:
        return
    asked: dict[tuple[Any, str | None], _Asked] = {}
    for index, case in enumerate(site.step.cases):
        if (reason := _never(case, config)) is not None:
            _tell(findings, place.at(index), f"{reason}, so the case is never taken", "Remove it, or correct it.")
            continue
        if (one := _asked(case, index, config)) is None:
            continue
        if earlier := next((asked[key] for key in one.wider() if key in asked), None):
            _covered(earlier, place.at(index), findings)
        asked.setdefault(next(one.wider()), one)
    if site.step.default and (sure := asked.get((None, None))):
        words = f"{sure.label} always fits, so the default is never taken"
        _tell(findings, site.place.at("default"), words, "Remove it, or correct the case.")


def _covered(earlier: _Asked, place: Place, findings: Findings) -> None:
    if earlier.always:
        words = f"{earlier.label} before it always fits, so the case is never taken"
        _tell(findings, place, words, "Remove it, or correct the one before.")
    else:
        words = f"{earlier.label} before it fits the same, so the case is never taken"
        findings.add("case_never_taken", place, words, "Remove one of them, or correct it.")


def _never(case: Case, config: Mapping[str, Any]) -> str | None:
    """Why nothing fits a case."""
    if holds(case.when) is False:
        return "its 'when' is always false"
    if case.equals is None:
        return None
    if "on" not in config:
        return "the switch does not say what it is 'on'"
    value = _constant(config["on"])
    return (
        "what the switch is 'on' is never this"
        if value is not _UNKNOWN and not same_value(case.equals, value)
        else None
    )


def _asked(case: Case, index: int, config: Mapping[str, Any]) -> _Asked | None:
    """What a case fits; None where only running tells, or it says nothing."""
    if case.when is None and case.equals is None:
        return None
    when = None if case.when is None or holds(case.when) else _canonical(case.when)
    if when is None and case.when is not None and not holds(case.when):
        return None
    fixed = case.equals is not None and _constant(config.get("on")) is not _UNKNOWN
    label = f"case '{case.name}'" if case.name else f"cases[{index}]"
    return _Asked(label, None if fixed else case.equals, when)


# -- constants -----------------------------------------------------------------------------------------------------

_UNKNOWN = object()


def holds(condition: Any) -> bool | None:
    """Whether a condition is always true, or never; None where it depends, is none, or cannot be read."""
    if condition is None or isinstance(condition, bool):
        return condition
    read = _read(condition)
    return verdict(read) if read is not None else None


def _canonical(condition: Any) -> str | None:
    """A condition in one way of writing; None where it need not give the same when it is asked twice."""
    read = _read(condition)
    return unparse(read.expression) if read is not None and not read.calls else None


def _read(condition: Any) -> Condition | None:
    try:
        return parse_condition(condition) if isinstance(condition, str) else None
    except ExpressionError:
        return None  # reported where expressions are checked


def _constant(value: Any) -> Any:
    """What a templatable value always is; `_UNKNOWN` where that depends."""
    try:
        template = parse_template(value)
        known = not template.references and not template.calls
        return template.render({}) if known else _UNKNOWN
    except ExpressionError:
        return _UNKNOWN


def _tell(findings: Findings, place: Place, words: str, hint: str) -> None:
    # Somebody may have switched it off for a while, so that this is no error.
    findings.add("never_runs", place, words, hint, severity="warning")
