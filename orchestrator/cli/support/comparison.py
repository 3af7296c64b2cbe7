"""Two executions side by side, for people."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.text import Text

from graphs.budget import figure
from orchestrator.cli.support.terminal import one_line, output, seconds_text

_WIDTH: Final = 200
"""Characters of a value that are shown."""

_MOST: Final = 12
"""Parts of a value that are shown."""

_SIDES: Final = ("left", "right")


def print_comparison(compared: Mapping[str, Any]) -> None:
    """Print what `orchestrator.time_travel.comparing.compare` found: the path, what came of it, cost and time."""
    for line in _lines(compared):
        output().print(line, soft_wrap=True)


def _lines(compared: Mapping[str, Any]) -> Iterator[Text]:
    apart = [step for step in compared["steps"] if step["only"] or step["differs"]]
    for name, value in compared["changes"].items():
        yield Text.assemble((f"{'with' if name != 'at' else 'at':<10}", "dim"), _changed(name, value))
    yield Text.assemble((f"{'path':<10}", "dim"), f"{compared['same']} steps the same, {len(apart)} not")
    for step in apart:
        yield from _step(step)
    facts = {name: both for name, both in compared["facts"].items() if name in ("status", "output", "error")}
    if not facts:
        yield Text.assemble((f"{'result':<10}", "dim"), "the same")
    for name, both in facts.items():
        yield from _both("result", name, both)
    cost, seconds = compared["cost"], compared["seconds"]
    yield Text.assemble((f"{'cost':<10}", "dim"), *_sides({side: _cost(cost[side]) for side in _SIDES}))
    yield Text.assemble((f"{'time':<10}", "dim"), *_sides({side: seconds_text(seconds[side]) for side in _SIDES}))


def _changed(name: str, value: str) -> str:
    return value if name == "at" else f"{name} {one_line(value, _WIDTH)}"


def _step(step: Mapping[str, Any]) -> Iterator[Text]:
    mark = {"left": "-", "right": "+"}.get(step["only"], "~")
    yield Text.assemble(f"  {mark} ", step["path"])
    for name, both in step["differs"].items():
        yield from _both("", f"{name}", both, indent=6)


def _both(title: str, name: str, both: Mapping[str, Any], *, indent: int = 0) -> Iterator[Text]:
    head = f"{title:<{10 if not indent else 0}}{' ' * indent}"
    found = list(_apart(name, both["left"], both["right"]))
    for where, sides in found[:_MOST]:
        for sign, value in sides.items():
            style = "red" if sign == "-" else "green"
            yield Text.assemble((head, "dim"), (f"{sign} {where} {one_line(value, _WIDTH)}", style))
            head = " " * len(head)
    if len(found) > _MOST:
        yield Text.assemble(head, f"… and {len(found) - _MOST} more in {name}")


def _apart(where: str, left: Any, right: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The parts of two values that are not the same: the whole of a long one says little."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        parts = [(f"{where}.{key}", key) for key in {**left, **right}]
    elif isinstance(left, list) and isinstance(right, list):
        parts = [(f"{where}[{index}]", index) for index in range(max(len(left), len(right)))]
        left, right = dict(enumerate(left)), dict(enumerate(right))
    else:
        yield where, {"-": left, "+": right}
        return
    for inside, key in parts:
        if key not in left or key not in right:
            yield inside, {"-": left[key]} if key in left else {"+": right[key]}
        elif left[key] != right[key]:
            yield from _apart(inside, left[key], right[key])


def _sides(said: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(f"- {said['left']}", "red"), ("   ", ""), (f"+ {said['right']}", "green")]


def _cost(cost: Mapping[str, Any]) -> str:
    calls = f"{cost['calls']} call{'s' if cost['calls'] != 1 else ''}"
    of = f" of {', '.join(cost['models'])}" if cost["models"] else ""
    money = f", {figure(cost['cost'])} spent" if cost["cost"] else ""
    return f"{calls}{of}, {cost['tokens']:,} tokens{money}"
