"""The independent checker: was anything lost, or done twice?

It knows nothing of the engine's code: it holds what runs left behind (`traces`) against what was known outside at every
kill (a copy of the engine's file, and what had been acknowledged before), and against a run without kills (`sameness`).
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.reliability.findings import Findings
from tests.reliability.sameness import check_same, plain
from tests.reliability.traces import FINAL, Act, Evidence, Json, Kill, Step, acts, integrity, of_key, rows, settled

UNDOING = "~compensation."
UNDOES = re.compile(r"(^|\.)undo_(?=\w+$)")


def check(evidence: Evidence, undisturbed: Evidence | None = None) -> Findings:
    """Hold everything against everything; with an undisturbed run of the same executions, against that too."""
    found = Findings()
    for file in (evidence.database, *(kill.copy for kill in evidence.kills)):
        if (verdict := integrity(file)) != "ok":
            found.deny(f"{file} is damaged: {verdict}")
    if found.wrong:
        return found
    _check_ends(evidence, found)
    _check_results(evidence, found)
    done = acts(evidence, found.deny)
    found.acts = len(done)
    _check_acts(done, evidence, Counter(plain(act.what) for act in acts(undisturbed)) if undisturbed else {}, found)
    _check_effects(evidence, found)
    _check_undoing(evidence, found)
    for number, kill in enumerate(evidence.kills):
        _check_left_behind(number, kill, evidence, found)
    if undisturbed is not None:
        check_same(evidence, undisturbed, found)
    return found


def _check_ends(evidence: Evidence, found: Findings) -> None:
    statuses = dict(rows(evidence.database, "SELECT id, status FROM executions"))
    found.executions = len(statuses)
    for execution, status in evidence.expected.items():
        if execution not in statuses:
            found.lose(f"execution {execution}")
        elif statuses[execution] not in FINAL:
            found.lose(f"the end of execution {execution}, which is {statuses[execution]}")
        elif statuses[execution] != status:
            found.deny(f"execution {execution} ended {statuses[execution]}, not {status}")
    for execution in statuses.keys() - evidence.expected.keys():
        found.deny(f"an execution that nobody started: {execution}")
    ends = Counter(
        execution
        for execution, kind in rows(evidence.database, "SELECT execution_id, kind FROM records WHERE path IS NULL")
        if kind.removeprefix("execution.") in FINAL
    )
    for execution in evidence.expected.keys() - evidence.steered:  # of the others, see `sameness`
        if ends[execution] != 1:
            found.deny(f"execution {execution} has {ends[execution]} records of its end")
    for execution, path in rows(evidence.database, "SELECT execution_id, path FROM waits WHERE status = 'open'"):
        found.deny(f"a wait is open though its execution has ended: {execution}:{path}")


def _check_results(evidence: Evidence, found: Findings) -> None:
    results = settled(evidence.database)
    found.steps = len(results)
    for step, several in settled(evidence.database, still=True).items():
        if len(several) != 1:
            found.double(f"{len(several)} results of {step}")
    for step, several in results.items():
        went_back = step.execution in evidence.steered
        if len(several) != 1 and not went_back:
            found.double(f"{len(several)} results of {step}")
        if step.generation != 0 and not went_back:
            found.deny(f"nobody asked for another generation: {step}")
    answered = rows(
        evidence.database, "SELECT execution_id, path, generation, answer FROM waits WHERE status = 'answered'"
    )
    for execution, path, generation, answer in answered:
        by = json.loads(answer)["by"]
        (result, *_) = results.get(Step(execution, path, generation), [{}])
        if by is not None and result.get("decided_by") != by:
            found.lose(f"the answer of {by} to {execution}:{path}; the result says {result.get('decided_by')}")


def _check_acts(done: Sequence[Act], evidence: Evidence, undisturbed: Mapping[str, int], found: Findings) -> None:
    """Repeats: of what was in flight only, one for each kill at most, and never of what had settled.

    Args:
        undisturbed: How often each act is done without a kill: more than once where somebody went back.
    """
    kills = evidence.kills
    left = [settled(kill.copy, still=True) for kill in kills]
    still = settled(evidence.database, still=True)
    anew = {step for step, results in settled(evidence.database).items() if len(results) > len(still.get(step, ()))}
    by_what: dict[str, list[Act]] = defaultdict(list)
    for act in done:
        by_what[act.what].append(act)
    for what, same in by_what.items():
        wanted = undisturbed.get(plain(what), 1) if same[0].step.execution in evidence.steered else 1
        found.repeats += max(0, len(same) - wanted)
        lives = Counter(act.life for act in same)
        for life, times in lives.items():
            if times > wanted:
                found.double(f"{what}: {times} times within life {life}")
            if life > 0 and same[0].step in left[life - 1] and same[0].step not in anew:
                found.double(f"{what}: done in life {life}, though its result was kept before")
        allowed = sum(same[0].step in kill.in_flight and life in lives for life, kill in enumerate(kills))
        if len(same) - wanted > allowed:
            found.double(f"{what}: {len(same)} times, and in flight at {allowed} kills")
        if len({act.digest for act in same}) > 1:
            found.deny(f"{what}: repeated with another body")


def _check_effects(evidence: Evidence, found: Findings) -> None:
    effects = Counter((row["idempotency_key"], row["service"], row["action"]) for row in evidence.effects)
    found.effects = len(evidence.effects)
    for (key, service, action), times in effects.items():
        if key is None or of_key(key) is None:
            found.deny(f"an effect that no step can have asked for: {service} {action}, key {key}")
        if times > 1:
            found.double(f"{service} {action} for {key}: {times} effects")


def _check_undoing(evidence: Evidence, found: Findings) -> None:
    """What was done last is undone first. A step called `undo_a` undoes the `a` beside it."""
    done: dict[str, dict[str, int]] = defaultdict(dict)
    for number, step in enumerate(settled(evidence.database)):
        done[step.execution][step.path] = number
    for execution, paths in done.items():
        undone = [path for path in paths if path.startswith(UNDOING)]
        found.undone += len(undone)
        pairs = {path: UNDOES.sub(r"\1", path.removeprefix(UNDOING)) for path in undone if UNDOES.search(path)}
        for path, what in pairs.items():
            if what not in paths or paths[what] > paths[path]:
                found.deny(f"{execution}:{path} undoes what was not done")
        order = [paths[what] for what in pairs.values() if what in paths]
        if order != sorted(order, reverse=True):
            found.deny(f"{execution} was not undone in reverse: {[*pairs]}")


def _check_left_behind(number: int, kill: Kill, evidence: Evidence, found: Findings) -> None:
    """What a killed process left: a sound file, a beginning of what came to be, and all that was acknowledged."""
    for missing in lost_acknowledgements(kill.copy, kill.acknowledged):
        found.lose(f"kill {number}: {missing}")
    records = "SELECT seq, execution_id, kind, path, generation, at, data FROM records ORDER BY seq"
    answers = "SELECT execution_id, path, generation, answer FROM waits WHERE status = 'answered'"
    for what, sql in (("record", records), ("answer", answers)):
        later = set(rows(evidence.database, sql))
        for row in rows(kill.copy, sql):
            if row not in later:
                found.lose(f"kill {number}: the {what} {row[:5]}, which was kept, is gone or has changed")


_STEERED = {
    "cancelled": "SELECT 1 FROM executions WHERE id = ? AND cancel_requested <> 'null'",
    "retried": "SELECT 1 FROM records WHERE execution_id = ? AND kind = 'execution.rewound' "
    "AND json_extract(data, '$.reason') = 'retry'",
    "redriven compensation": "SELECT 1 FROM dead_letters WHERE execution_id = ? AND kind = 'compensation' "
    "AND status = 'redriven'",
    "redriven failure": "SELECT 1 FROM dead_letters WHERE execution_id = ? AND kind = 'failure' "
    "AND status = 'redriven'",
    "forked": "SELECT 1 FROM executions WHERE parent = ?",
    "undone": "SELECT 1 FROM dead_letters WHERE execution_id = ? AND status = 'discarded'",
    "edited": "SELECT 1 FROM dead_letters WHERE execution_id = ? AND edit <> 'null'",
}
"""What is in the file when somebody has steered an execution."""


def lost_acknowledgements(copy: Path, acknowledged: Iterable[Json]) -> list[str]:
    """Starts, decisions, events and records that were acknowledged, and that this copy of the file lacks."""
    if not (acknowledged := list(acknowledged)):
        return []  # the file may just have been in the making, without all of its tables
    started = {row[0] for row in rows(copy, "SELECT id FROM executions")}
    sql = "SELECT execution_id, path, answer FROM waits WHERE status = 'answered'"
    decided = {(execution, path): json.loads(answer)["by"] for execution, path, answer in rows(copy, sql)}
    published = {row[0] for row in rows(copy, "SELECT id FROM events")}
    recorded = {(seq, kind) for seq, kind in rows(copy, "SELECT seq, kind FROM records")}
    lost = []
    for fact in acknowledged:
        match fact["said"]:
            case "started":
                kept = fact["execution"] in started
            case "decided":
                kept = decided.get((fact["execution"], fact["path"])) == fact["by"]
            case "published":
                kept = fact["id"] in published
            case "recorded":
                kept = (fact["seq"], fact["kind"]) in recorded
            case said if said in _STEERED:
                kept = bool(rows(copy, _STEERED[fact["said"]], fact["execution"]))
            case _:
                kept = True
        if not kept:
            lost.append(f"acknowledged and not in the file: {fact}")
    return lost
