"""What a random workflow must come to: a second, much simpler reading of the language, without the engine.

Steps are settled one after the other, by recursion; there is no time, no concurrency and no crash. Whatever order the
engine chooses, its statuses and numbers have to be these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.engine.kinds import COMPOSITES, Flowchart, Made

COMPLETED, FAILED, SKIPPED, COMPENSATED = "completed", "failed", "skipped", "compensated"


@dataclass
class Settled:
    """How one step came out. `well` is what dependents that want success ask for."""

    status: str
    well: bool
    number: int = 0
    attempts: int | None = None
    excused: bool = False
    """It was skipped only because nothing failed that it was there for."""


@dataclass
class Expected:
    """Everything about an execution.

    Attributes:
        settled: By path; fallbacks under `name~fallback`.
        before: For each path: those whose results must be durable before it begins.
        acts: Attempts each action makes.
        status: How the execution ends.
        undos: From the path of what is undone to the path of what undoes it.
    """

    settled: dict[str, Settled] = field(default_factory=dict)
    before: dict[str, set[str]] = field(default_factory=dict)
    acts: dict[str, int] = field(default_factory=dict)
    status: str = COMPLETED
    undos: dict[str, str] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    """What the paths inside of branches and items that failed begin with."""


def expect(chart: Flowchart) -> Expected:
    """What the workflow must come to."""
    expected = Expected()
    results = _level(expected, "", chart.steps, {}, set(), chained=False)
    made = {one.name: one for one in chart.everything()}
    if any(not _fine(one, results) for one in chart.steps):
        expected.status = FAILED
        _undo(expected, made, ("",))
        expected.status = COMPENSATED if expected.undos else FAILED
    else:
        failed = {path for path, settled in expected.settled.items() if settled.status == FAILED}
        _undo(expected, made, (*expected.lost, *(path + mark for path in failed for mark in ".[")))
    return expected


def _undo(expected: Expected, made: Mapping[str, Made], parts: tuple[str, ...]) -> None:
    """What completed in these parts and says how it is undone, however deep inside: one step each, whose number is its
    own."""
    for path, settled in list(expected.settled.items()):
        step = made.get(path.rpartition(".")[2])
        if step is None or not step.undone or settled.status != COMPLETED or not path.startswith(parts):
            continue
        undo = expected.undos[path] = f"~compensation.{path.removesuffix(step.name)}undo_{step.name}"
        expected.settled[undo] = Settled(COMPLETED, well=True, number=settled.number, attempts=1)
        expected.before[undo] = {path}
        expected.acts[undo] = 1
    if expected.undos:
        expected.settled["~compensation"] = Settled(COMPLETED, well=True)


Numbers = Mapping[str, int]
Results = dict[str, Settled]


def _level(
    expected: Expected, prefix: str, steps: list[Made], numbers: Numbers, before: set[str], *, chained: bool
) -> Results:
    """Settle the steps of one list; `chained` ones follow each other and stop at the first that fails for good."""
    results: Results = {}
    seen = dict(numbers)
    stopped = False
    previous: str | None = None
    for made in steps:
        needs = made.needs or ([(previous, "succeeded")] if chained and previous else [])
        path = prefix + made.name
        earlier = before | {
            prefix + name + end
            for name, _ in needs
            for end in ("", "~fallback")
            if prefix + name + end in expected.settled
        }
        unmet = [results[name] for name, outcome in needs if not _met(outcome, results[name])]
        if unmet or stopped:
            excused = not stopped and all(result.well or result.excused for result in unmet)
            own = Settled(SKIPPED, well=False, excused=excused)
        elif made.condition == "" or (made.condition and seen.get(made.condition, 0) % 2):
            own = Settled(SKIPPED, well=True)
        else:
            expected.before[path] = earlier
            own = _perform(expected, path, made, seen, earlier)
        expected.settled[path] = own
        results[made.name] = _effective(expected, path, made, own, earlier)
        seen[made.name] = results[made.name].number
        stopped = stopped or (chained and results[made.name].status == FAILED and not results[made.name].well)
        previous = made.name
    return results


def _met(outcome: str, result: Settled) -> bool:
    if outcome == "settled":
        return True
    return result.status == FAILED if outcome == "failed" else result.well


def _effective(expected: Expected, path: str, made: Made, own: Settled, before: set[str]) -> Settled:
    """What stands for the step: its own result, or its fallback's."""
    if made.failure != "fallback":
        return own
    instead = f"{path}~fallback"
    if own.status != FAILED:
        expected.settled[instead] = Settled(SKIPPED, well=False)
        return own
    expected.before[instead] = before | {path}
    expected.acts[instead] = 1
    expected.settled[instead] = Settled(COMPLETED, well=True, number=200, attempts=1)
    return expected.settled[instead]


def _fine(made: Made, results: Results) -> bool:
    """Whether the step does not make the plan around it fail."""
    result = results[made.name]
    return result.status != FAILED or result.well


def _perform(expected: Expected, path: str, made: Made, numbers: Numbers, before: set[str]) -> Settled:
    good, number, attempts = True, 0, None
    match made.kind:
        case "act":
            good, number = made.fails < made.attempts, made.base + sum(numbers.get(name, 0) for name in made.reads)
            attempts = expected.acts[path] = min(made.fails + 1, made.attempts)
        case "approval":
            good, number = made.reject != "fail", 0 if made.reject else 1
        case "event":
            number = made.base
        case "delay":
            number = 7
        case _:
            good, number = _inside(expected, path, made, numbers, before)
    if good:
        return Settled(COMPLETED, well=True, number=number, attempts=attempts)
    if made.failure == "continue":
        number = 100
    elif made.kind not in COMPOSITES or made.kind == "sub":
        number = 0  # what failed gives nothing; a composite step still says how far it came
    return Settled(FAILED, well=made.failure == "continue", number=number)


def _inside(expected: Expected, path: str, made: Made, numbers: Numbers, before: set[str]) -> tuple[bool, int]:
    """Whether the plan inside a composite step goes well, and the step's number."""
    if not _opens(made):
        return False, 0
    match made.kind:
        case "parallel":
            steps = made.lists[""]
            results = _level(expected, f"{path}.", steps, numbers, before, chained=False)
            return _joined(made, [_group(expected, f"{path}.{step.name}.", [step], results) for step in steps])
        case "branches":
            groups = []
            for name, steps in made.lists.items():
                results = _level(
                    expected,
                    f"{path}.{name}.",
                    steps,
                    numbers,
                    before,
                    chained=True,
                )
                groups.append(_group(expected, f"{path}.{name}.", steps, results))
            return _joined(made, groups)
        case "map":
            steps = made.lists[""]
            items = [
                _level(expected, f"{path}[{index}].", steps, numbers, before, chained=True)
                for index in range(made.count)
            ]
            return _joined(
                made, [_group(expected, f"{path}[{index}].", steps, results) for index, results in enumerate(items)]
            )
        case "loop":
            return _loop(expected, path, made, numbers, before)
        case "sub":
            given = made.base + sum(numbers.get(name, 0) for name in made.reads)
            results = _level(expected, f"{path}.", made.lists[""], {}, before, chained=False)
            last = results[made.lists[""][-1].name]
            return all(_fine(step, results) for step in made.lists[""]), last.number + given
        case "sequence":
            steps = made.lists[""]
        case "conditional":
            total = made.base + sum(numbers.get(name, 0) for name in made.reads)
            steps = made.lists["then" if total % 2 == 0 else "else"]
        case _:
            steps = made.lists[str(made.count)]
    results = _level(expected, f"{path}.", steps, numbers, before, chained=True)
    return all(_fine(step, results) for step in steps), _last(steps, results)


def _loop(expected: Expected, path: str, made: Made, numbers: Numbers, before: set[str]) -> tuple[bool, int]:
    for index in range(made.count):
        results = _level(expected, f"{path}[{index}].", made.lists[""], numbers, before, chained=True)
        if not all(_fine(step, results) for step in made.lists[""]):
            return False, index + 1
        before = before | {p for p in expected.settled if p.startswith(f"{path}[{index}].")}
    return True, made.count


def _last(steps: list[Made], results: Results) -> int:
    """The number of the last step that gave one."""
    given = [results[step.name] for step in steps if _gave(step, results[step.name])]
    return given[-1].number if given else 0


def _gave(made: Made, result: Settled) -> bool:
    if result.status == FAILED and not result.well:  # once it was open, it has something to tell of
        return made.kind in COMPOSITES and _opens(made)
    return result.status != SKIPPED


def _opens(made: Made) -> bool:
    """Whether there is anything that could be carried out: a case that fits, as many groups as must succeed."""
    if made.kind == "switch":
        return str(made.count) in made.lists
    groups = {"parallel": len(made.lists.get("", ())), "branches": len(made.lists), "map": made.count}
    return (made.least or 0) <= groups.get(made.kind, made.least or 0)


def _group(expected: Expected, inside: str, steps: list[Made], results: Results) -> str:
    """How a branch or an item fared: `idle` where nothing was done, and nothing went wrong."""
    found = [results[step.name] for step in steps]
    if not all(result.well or result.excused for result in found):
        expected.lost.add(inside)
        return FAILED
    return COMPLETED if any(result.status == COMPLETED for result in found) else "idle"


def _joined(made: Made, groups: list[str]) -> tuple[bool, int]:
    succeeded, busy = groups.count(COMPLETED), len(groups) - groups.count("idle")
    return succeeded >= (busy if made.least is None else min(made.least, busy)), succeeded
