"""Loops that end, and times that fit into one another (A21, F21, X33)."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from graphs.composites.loops import BOUND, Loop
from graphs.durations import format_duration, parse_duration
from graphs.loading.findings import Findings, Severity
from graphs.loading.places import Place
from graphs.steps import Waiting
from graphs.validation.outline import MAX_STEPS, Outline
from graphs.validation.sites import Site

_WAITS = ("timeout", "duration", "seconds")
"""Keys of `config` that say how long a waiting step waits."""


def check_size(outline: Outline, findings: Findings) -> bool:
    """Whether the definition is of a size that can be looked into."""
    if len(outline.sites) <= MAX_STEPS:
        return True
    sentence = f"the definition has {len(outline.sites):,} steps; the most is {MAX_STEPS:,}"
    hint = "Use a 'map' for steps that are alike, or move parts into workflows of their own."
    findings.add_sentence("too_many_steps", Place().at("spec", "steps"), sentence, hint)
    return False


def check_bounds(outline: Outline, findings: Findings) -> None:
    """Loops and times."""
    for site in outline.sites:
        if isinstance(site.kind, Loop):
            _check_loop(site, findings)
        _check_reach(site, findings)
        _check_decided(site, findings)
        _check_attempts(site, findings)
    _check_times(outline, findings)


def _check_reach(site: Site, findings: Findings) -> None:
    """A step that waits does not act: it has one attempt, takes no place, and says itself how long it waits."""
    if not isinstance(site.kind, Waiting):
        return
    for key in ("timeout", "deadline", "retry", "limits", "breaker"):
        if getattr(site.step, key):
            hint = "How long it waits is 'config.timeout'." if key in ("timeout", "deadline") else f"Take '{key}' away."
            words = f"it waits and does not act, so '{key}' says nothing"
            severity: Severity = "warning" if key == "retry" else "error"  # nobody waits for longer or shorter by it
            findings.add(f"waiting_{key}", site.place.at(key), words, hint, severity=severity)


def _check_decided(site: Site, findings: Findings) -> None:
    """What stands for a person's answer when time is over can only stand where a person is asked."""
    on_timeout = site.step.on_timeout
    if on_timeout is None or site.kind is None or on_timeout.action not in ("approve", "reject"):
        return
    field = site.kind.Config.model_fields.get("on_timeout") if isinstance(site.kind, Waiting) else None
    if field is None or on_timeout.action not in get_args(field.annotation):
        words = f"nobody is asked anything, so there is nothing to {on_timeout.action} when its time is over"
        hint = "Use terminate, continue or compensate."
        findings.add("timeout_not_decided", site.place.at("on_timeout", "action"), words, hint)


def _check_attempts(site: Site, findings: Findings) -> None:
    step = site.step
    if step.deadline is not None and step.timeout is not None and step.timeout > step.deadline:
        words = (
            f"an attempt may take {format_duration(step.timeout)}, and the step {format_duration(step.deadline)} in all"
        )
        hint = "Raise 'deadline', or lower 'timeout'."
        findings.add("timeout_exceeds_deadline", site.place.at("timeout"), words, hint, severity="warning")


def _check_loop(site: Site, findings: Findings) -> None:
    config, place = site.step.config, site.place.at("config")
    items, most = config.get("items"), config.get("max_iterations")
    conditions = config.keys() & {"while", "until"}
    fails = config.get("on_limit", "fail") == "fail"
    if most is None and items is None and conditions:
        words = f"the loop says no 'max_iterations', so it {'fails' if fails else 'ends'} after {BOUND}"
        hint = "Say how many iterations there may be at most."
        findings.add("loop_default_bound", place, words, hint, severity="warning")
    if not isinstance(items, list | tuple) or not isinstance(most, int) or conditions or not fails:
        return
    if len(items) > most:
        words = f"there are {len(items)} items, and the loop fails after {most} iterations"
        hint = "Raise it, or leave it out: without it the loop ends with its items."
        findings.add("loop_too_short", place.at("max_iterations"), words, hint)


def _check_times(outline: Outline, findings: Findings) -> None:
    config = outline.workflow.spec.config
    deadline = config.deadline
    if deadline is None:
        return
    limit = format_duration(deadline)
    if config.timeout is not None and config.timeout > deadline:
        words = f"the workflow may work for {format_duration(config.timeout)}, longer than its deadline of {limit}"
        findings.add(
            "timeout_exceeds_deadline",
            Place().at("spec", "config", "timeout"),
            words,
            "Waiting counts for the deadline and not for the timeout.",
            severity="warning",
        )
    for site in outline.sites:
        for key, seconds in _waits(site):
            if seconds > deadline:
                words = f"it may wait for {format_duration(seconds)}, and the deadline of the workflow is {limit}"
                hint = "Raise 'spec.config.deadline', or wait for a shorter time."
                findings.add("wait_exceeds_deadline", site.place.at("config", key), words, hint, severity="warning")


def _waits(site: Site) -> Iterator[tuple[str, float]]:
    """How long a waiting step waits, where that is written or the type's default."""
    if not isinstance(site.kind, Waiting):
        return
    config: Mapping[str, Any] = site.step.config
    for key in _WAITS:
        field = site.kind.Config.model_fields.get(key)
        value = config.get(key, field.default if field is not None else None)
        try:
            yield key, parse_duration(value)
        except ValueError:
            continue  # not given, an expression, or wrong and reported as such
