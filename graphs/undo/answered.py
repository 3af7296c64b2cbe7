"""Calls that were cut off, and of which people have said what they gave (`escalate: {keep: true}`). Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphs.composites.escalation import answered
from graphs.planner import COMPANION
from graphs.state import Happened
from graphs.undo.places import Unseal


def as_answered(history: Sequence[Happened], unseal: Unseal) -> Sequence[Happened]:
    """The history with what people know better: such a call is done, and their answer is its output."""
    alive = [deed for deed in history if not deed.superseded]
    asked = [deed for deed in alive if deed.kind == "opened" and deed.path.endswith(COMPANION)]
    keeping = [deed.path.removesuffix(COMPANION) for deed in asked if unseal(deed.data["frame"]).get("keep")]
    if not keeping:
        return history
    results = {deed.path: deed.data for deed in alive if deed.kind == "settled"}
    answers = dict(one for path in keeping for one in answered(results, path))
    return [_completed(deed, answers) for deed in history]


def _completed(deed: Happened, answers: Mapping[str, Any]) -> Happened:
    if deed.superseded or deed.path not in answers or deed.data.get("outcome") != "unknown":
        return deed
    gave = answers[deed.path]
    if deed.kind == "settled":
        known = {key: value for key, value in deed.data.items() if key not in ("outcome", "error")}
        return deed._replace(data={**known, "status": "completed", "output": gave})
    if "input" in deed.data["undo"]:  # what undoes it picks what it takes from what the call gave
        more = {**(gave if isinstance(gave, Mapping) else {}), "result": gave, **deed.data.get("given", {})}
        return deed._replace(data={**deed.data, "given": more})
    return deed
