"""Whatever the kills, executions come to the same as without them: results, effects, acts, dead letters."""

import json
import re
from collections.abc import Iterable
from typing import Any

from tests.reliability.findings import Findings
from tests.reliability.traces import FINAL, Evidence, Json, acts, rows, settled


def check_same(evidence: Evidence, undisturbed: Evidence, found: Findings) -> None:
    """Whatever the kills, the executions came to the same as without them."""
    sql = "SELECT id, output, error FROM executions"
    ours = {row[0]: plain([json.loads(each) for each in row[1:]]) for row in rows(evidence.database, sql)}
    theirs = {row[0]: plain([json.loads(each) for each in row[1:]]) for row in rows(undisturbed.database, sql)}
    for execution in evidence.expected:
        if ours.get(execution) != theirs[execution]:
            found.deny(f"execution {execution} came to {ours.get(execution)}; undisturbed, to {theirs[execution]}")
    results = settled(evidence.database)
    wanted = {step: each for step, each in settled(undisturbed.database).items() if step.execution in evidence.expected}
    for step in wanted.keys() - results.keys():
        found.lose(f"the result of {step}")
    for step in results.keys() - wanted.keys():
        found.deny(f"a step that an undisturbed run does not have: {step}")
    for step in wanted.keys() & results.keys():
        if _outcome(results[step][-1]) != _outcome(wanted[step][-1]):
            found.deny(f"{step} gave {_outcome(results[step][-1])}; undisturbed, {_outcome(wanted[step][-1])}")
    for execution in evidence.steered:
        if (ends := _ends(evidence, execution)) != (wanted_ends := _ends(undisturbed, execution)):
            found.deny(f"execution {execution} ended {ends}; undisturbed, {wanted_ends}")
    these = evidence.expected
    _compare("effect", _effects(evidence, these), _effects(undisturbed, these), found)
    _compare("dead letter", _letters(evidence, these), _letters(undisturbed, these), found)
    _compare("act", _whats(evidence, these), _whats(undisturbed, these), found)


def _ends(evidence: Evidence, execution: str) -> list[str]:
    sql = "SELECT kind FROM records WHERE execution_id = ? AND path IS NULL ORDER BY seq"
    kinds = [kind.removeprefix("execution.") for (kind,) in rows(evidence.database, sql, execution)]
    return [kind for kind in kinds if kind in FINAL]


def _compare(word: str, ours: set[Any], theirs: set[Any], found: Findings) -> None:
    for missing in sorted(map(str, theirs - ours)):
        found.lose(f"{word} {missing}")
    for more in sorted(map(str, ours - theirs)):
        found.deny(f"{word} that an undisturbed run does not have: {more}")


def _effects(evidence: Evidence, executions: Iterable[str]) -> set[Any]:
    return {
        (row["idempotency_key"], row["service"], row["action"])
        for row in evidence.effects
        if str(row["idempotency_key"]).partition(":")[0] in executions
    }


def _whats(evidence: Evidence, executions: Iterable[str]) -> set[Any]:
    return {plain(act.what) for act in acts(evidence) if act.step.execution in executions}


def _letters(evidence: Evidence, executions: Iterable[str]) -> set[Any]:
    sql = "SELECT execution_id, path, kind, status FROM dead_letters"
    several = [row for row in rows(evidence.database, sql) if row[0] in executions]
    return {(*row, several.count(row)) for row in several}


def _outcome(result: Json) -> Any:
    """A result as it must be the same every time."""
    if result["status"] in ("skipped", "cancelled") and result.get("reason") in ("halted", "upstream"):
        # All are true of a step that needs one that failed, or that waited when all was called off; which is noticed
        # first may differ after a restart.
        return "not done, because another failed"
    said = {name: value for name, value in result.items() if name != "queued"}  # how crowded it was
    if (undone := result.get("output")) and isinstance(undone, dict) and undone.keys() == {"compensated", "failed"}:
        # What was done side by side is undone in the order in which it was done, which is not the same every time.
        said["output"] = {how: sorted(names) for how, names in undone.items()}
    return plain(said)


_VARYING = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"  # times
    r"|\b[a-z]{3}_[0-9a-f]{16}\b"  # ids that services give
    r"|\bTRK[0-9A-F]{12}\b"
    r"|http://127\.0\.0\.1:\d+"
    r"|\breviewer-\w+\b"  # who was there after a kill
    r"|\blc_run--[0-9a-f-]{36}\b"  # LangChain's own ids of model calls
)


def plain(value: Any) -> Any:
    """A value without what differs from run to run: ids, times, addresses, who answered."""
    if isinstance(value, str):
        return _VARYING.sub("*", value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if name != "in_stock"}  # others order, too
    return [plain(item) for item in value] if isinstance(value, list) else value
