"""Random workflows as small values of their own, and the documents they stand for.

Every step has a number that others can read: `steps.NAME.output.n`, or 0 where there is none. Names are unique, so that
what is read is never in doubt (shadowing has tests of its own).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Kind = Literal[
    "act",
    "approval",
    "event",
    "delay",
    "parallel",
    "branches",
    "map",
    "loop",
    "sequence",
    "conditional",
    "switch",
    "sub",
]
COMPOSITES: tuple[Kind, ...] = ("parallel", "branches", "map", "loop", "sequence", "conditional", "switch", "sub")
Outcome = Literal["succeeded", "settled", "failed"]
NUMBER = "(steps.{0}.output.n | default(0))"


@dataclass(repr=False)
class Made:
    """One step of a random workflow.

    Attributes:
        needs: Siblings that must settle first, and how.
        reads: Steps whose numbers it adds to its own.
        condition: A step whose number must be even; "" for a condition that is always false.
        fails: So many attempts fail first; more than `attempts` for a step that fails for good.
        failure: What a failure means.
        lists: The steps inside, by branch (or `then`, `else`; `0`, `1` … for cases; "" where there is one list).
        count: Items of a map, iterations of a loop, the case of a switch.
        least: How many branches or items must succeed; None for all.
        width: How many of the steps inside may be at work at once.
        reject: An approval that is rejected, and whether that is a failure.
        undone: It says how it is undone: by `undo_NAME`, whose number is its own.
    """

    name: str
    kind: Kind
    base: int = 0
    needs: list[tuple[str, Outcome]] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    condition: str | None = None
    fails: int = 0
    attempts: int = 1
    failure: Literal["terminate", "continue", "fallback"] = "terminate"
    lists: dict[str, list["Made"]] = field(default_factory=dict)
    count: int = 0
    least: int | None = None
    width: int = 10
    reject: Literal["fail", "continue"] | None = None
    yields: int = 0
    undone: bool = False

    def __repr__(self) -> str:
        said = {item.name: getattr(self, item.name) for item in fields(self)[2:]}
        blank = vars(Made("", "act"))
        more = "".join(f", {key}={value!r}" for key, value in said.items() if value != blank[key])
        return f"Made({self.name!r}, {self.kind!r}{more})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # for Hypothesis, which would show every field on a line of its own

    def everything(self) -> Iterator["Made"]:
        """This step and all inside it."""
        yield self
        for steps in self.lists.values():
            for step in steps:
                yield from step.everything()


@dataclass
class Flowchart:
    """A random workflow."""

    steps: list[Made]
    staged: bool = False

    def everything(self) -> Iterator[Made]:
        for step in self.steps:
            yield from step.everything()

    def document(self, name: str = "random", **config: Any) -> dict[str, Any]:
        """The workflow as plain values."""
        return {
            "metadata": {"name": name},
            "spec": {
                "config": {"failure_policy": "continue", **config},
                "steps": [document(step) for step in self.steps],
            },
        }

    def subworkflows(self) -> list[dict[str, Any]]:
        """The workflows it runs, one for each such step."""
        return [
            {
                "metadata": {"name": f"sub-{made.name}"},
                "spec": {
                    "config": {"failure_policy": "continue"},
                    "steps": [document(step) for step in made.lists[""]],
                    "output": {"values": {"n": f"{{{{ {NUMBER.format(made.lists[''][-1].name)} + input.n }}}}"}},
                },
            }
            for made in self.everything()
            if made.kind == "sub"
        ]


def document(made: Made) -> dict[str, Any]:
    """A step as plain values."""
    step: dict[str, Any] = {"name": made.name, "depends_on": [{"step": n, "outcome": o} for n, o in made.needs]}
    if made.condition is not None:
        step["condition"] = f"{NUMBER.format(made.condition)} % 2 == 0" if made.condition else "false"
    if made.failure == "continue":
        step["on_failure"] = {"action": "continue", "output": {"n": 100}}
    elif made.failure == "fallback":
        fallback = {"name": f"{made.name}_instead", "type": "act", "config": {"value": 200}, "output": _OUTPUT["act"]}
        step["on_failure"] = {"action": "fallback", "fallback": fallback}
    if made.undone:
        undo = {"name": f"undo_{made.name}", "type": "act", "config": {"value": "{{ output.n }}"}}
        step["compensate"] = undo | {"output": _OUTPUT["act"]}
    own: dict[str, Any] = _DOCUMENTS[made.kind](made)
    return step | own | {"output": _OUTPUT[made.kind]}


_OUTPUT = {
    "act": {"n": "{{ response.value }}"},
    "approval": {"n": "{{ 1 if response.approved else 0 }}"},
    "event": {"n": "{{ response.event_data.n }}"},
    "delay": {"n": 7},
    "parallel": {"n": "{{ response.successful_steps }}"},
    "branches": {"n": "{{ response.successful_steps }}"},
    "map": {"n": "{{ response.successful_steps }}"},
    "loop": {"n": "{{ response.iterations }}"},
    "sequence": {"n": "{{ (response.output | default({})).n | default(0) }}"},
    "conditional": {"n": "{{ (response.output | default({})).n | default(0) }}"},
    "switch": {"n": "{{ (response.output | default({})).n | default(0) }}"},
    "sub": {"n": "{{ response.n }}"},
}


def _sum(made: Made) -> str:
    terms = [str(made.base), *(NUMBER.format(name) for name in made.reads)]
    return f"{{{{ {' + '.join(terms)} }}}}"


def _act(made: Made) -> dict[str, Any]:
    config: dict[str, Any] = {"value": _sum(made), "yields": made.yields}
    if made.fails:
        config["fail"] = made.fails
    retry = {"max_attempts": made.attempts, "initial_delay": 0, "jitter": 0}
    return {"type": "act", "config": config, "retry": retry}


def _approval(made: Made) -> dict[str, Any]:
    return {"type": "approval", "config": {"on_reject": made.reject or "fail"}}


def _join(made: Made) -> dict[str, Any]:
    config: dict[str, Any] = {"max_concurrency": made.width}
    return config if made.least is None else config | {"min_success": made.least}


def _documents(steps: list[Made]) -> list[dict[str, Any]]:
    return [document(step) for step in steps]


_DOCUMENTS: dict[Kind, Any] = {
    "act": _act,
    "approval": _approval,
    "event": lambda made: {"type": "wait_for_event", "config": {"event_type": f"ev-{made.name}"}},
    "delay": lambda made: {"type": "delay", "config": {"seconds": 60 * made.base}},
    "parallel": lambda made: {"type": "parallel", "config": _join(made), "steps": _documents(made.lists[""])},
    "branches": lambda made: {
        "type": "parallel",
        "config": _join(made),
        "branches": {name: _documents(steps) for name, steps in made.lists.items()},
    },
    "map": lambda made: {
        "type": "map",
        "config": {"items": list(range(made.count)), **_join(made)},
        "steps": _documents(made.lists[""]),
    },
    "loop": lambda made: {
        "type": "loop",
        "config": {"while": f"index < {made.count}"},
        "steps": _documents(made.lists[""]),
    },
    "sequence": lambda made: {"type": "sequence", "steps": _documents(made.lists[""])},
    "conditional": lambda made: {
        "type": "conditional",
        "config": {"if": f"({_sum(made)[3:-3]}) % 2 == 0"},
        "then": _documents(made.lists["then"]),
        "else": _documents(made.lists["else"]),
    },
    "switch": lambda made: {
        "type": "switch",
        "config": {"on": made.count},
        "cases": [{"equals": int(case), "steps": _documents(steps)} for case, steps in made.lists.items()],
    },
    "sub": lambda made: {"type": "workflow", "config": {"workflow": f"sub-{made.name}", "input": {"n": _sum(made)}}},
}
