"""What an execution that did not come to a good end leaves standing in the world outside. Pure.

Irreversible calls are written down before they are made (`agents.tools`), so that also one during which the process
died is known; how each of them ended, its step's result says.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

from graphs.planner import Conclusion
from graphs.spec import Config
from graphs.state import Happened, Result, follows_the_end
from graphs.undo import parts_that_failed, prefixes
from orchestrator.store.port import Record

_Made = Literal["made", "unknown", "not made"]


def left_standing(
    irreversible: Iterable[Record],
    history: Sequence[Happened],
    unfinished: Mapping[str, Mapping[str, Any]],
    within: frozenset[str] | None,
) -> list[dict[str, Any]]:
    """Calls that cannot be undone, and what could not be: each with its `path`, the `reason`, and where nobody knows
    whether it was done at all, `outcome: unknown`.

    Args:
        irreversible: The records of such calls, of each try.
        history: What the execution did, in the order of commits.
        unfinished: Of what undoes, by name: what failed, as the compensation's result has it.
        within: Of an execution that has come to a good end: paths of the parts that have not. What was made anew since,
            under another key, is left standing too. None where all of it is.
    """
    settled: dict[str, list[Happened]] = {}
    for deed in history:
        if deed.kind == "settled" and deed.owner is None:
            settled.setdefault(deed.path, []).append(deed)
    standing: dict[str, dict[str, Any]] = {}
    wanted: set[str] = set()
    for call in irreversible:
        path, key = call.path or "", str(call.data["idempotency_key"])
        after = next((deed for deed in settled.get(path, ()) if deed.seq > (call.seq or 0)), None)
        made = _was_made(after)
        if made == "not made" or follows_the_end(path):
            continue
        said = {"path": path, "reason": "irreversible", **call.data}
        if made == "made":
            standing[key] = said
        else:  # unless another try under this key is known to have acted
            standing.setdefault(key, {**said, "outcome": "unknown"})
        if within is not None and after is not None and not after.superseded and within.isdisjoint(prefixes(path)):
            wanted.add(key)
    return [*(said for key, said in standing.items() if key not in wanted), *_not_undone(unfinished)]


def parts_within(conclusion: Conclusion, history: Iterable[Happened], config: Config) -> frozenset[str] | None:
    """See `left_standing`."""
    if conclusion.status != "completed":
        return None
    return parts_that_failed([deed for deed in history if not deed.superseded], config)


def _was_made(deed: Happened | None) -> _Made:
    if deed is None:
        return "unknown"  # it was ended before it could say anything
    result = cast(Result, deed.data)
    if result["status"] == "completed":
        return "made"
    return "unknown" if result.get("outcome") == "unknown" else "not made"


def _not_undone(unfinished: Mapping[str, Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for name, facts in unfinished.items():
        if "undoes" in facts:
            said = {key: facts[key] for key in ("idempotency_key", "outcome") if facts.get(key)}
            yield {"path": facts["undoes"], "reason": "not_undone", "by": name, **said}
