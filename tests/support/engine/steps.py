"""Step types whose effects can be seen, held back and counted."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from graphs.composites import RouteChooser
from graphs.errors import Category, StepError
from graphs.steps import Action, StepConfig, StepContext, StepTypes, Waiting
from orchestrator.plugins import installed_step_types


@dataclass
class Effects:
    """What steps did, in the order in which they did it. A resource, so it outlives engines that crash.

    Attributes:
        began: Paths of attempts that began, in order.
        done: Paths of attempts that ended well.
        keys: The idempotency keys handed to each path.
        most: The most attempts at work at the same time, in all and by group (the first part of a path).
        watchers: Called with the step's context when an attempt begins.
    """

    began: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    keys: dict[str, list[str]] = field(default_factory=dict)
    most: Counter[str] = field(default_factory=Counter)
    watchers: list[Callable[[StepContext], None]] = field(default_factory=list)
    _now: Counter[str] = field(default_factory=Counter)

    def begin(self, context: StepContext) -> None:
        for watch in self.watchers:
            watch(context)
        self.began.append(context.path)
        self.keys.setdefault(context.path, []).append(context.idempotency_key)
        for group in ("", _group(context.path)):
            self._now[group] += 1
            self.most[group] = max(self.most[group], self._now[group])

    def end(self, context: StepContext, *, well: bool) -> None:
        if well:
            self.done.append(context.path)
        for group in ("", _group(context.path)):
            self._now[group] -= 1

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.began)


def _group(path: str) -> str:
    return path.split("[")[0].split(".")[0] + "/"


class Gates:
    """Doors that steps wait at, by name: `reached` is set when a step stands there, `open` lets it through."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Event] = {}
        self._reached: dict[str, asyncio.Event] = {}

    def open(self, name: str) -> None:
        self._open.setdefault(name, asyncio.Event()).set()

    async def reached(self, name: str) -> None:
        await asyncio.wait_for(self._reached.setdefault(name, asyncio.Event()).wait(), 60)

    async def pass_through(self, name: str) -> None:
        self._reached.setdefault(name, asyncio.Event()).set()
        await self._open.setdefault(name, asyncio.Event()).wait()


class ActConfig(StepConfig):
    """What an `act` does: give `value`, after a gate, a sleep, and as many failures as asked for."""

    value: Any = None
    fail: bool | int = False
    """True: every attempt fails. A number: so many attempts fail first."""
    category: Category = "transient"
    retry_after: float | None = None
    gate: str | None = None
    sleep: float | None = None
    yields: int = 0
    raises: str | None = None
    weird: str | None = None


WEIRD: dict[str, Callable[[], Any]] = {
    "object": object,
    "set": lambda: {1, 2},
    "nan": lambda: float("nan"),
    "huge": lambda: 2**80,
    "surrogate": lambda: "half \ud800 character",
    "bytes": lambda: b"\x00\xff",
    "large": lambda: "x" * 2_000_000,
    "deep": lambda: _nested(60),
    "key": lambda: {1: "a number is no key"},
}


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


class Act(Action):
    """Does something that can be seen."""

    name: ClassVar[str] = "act"
    Config = ActConfig

    async def run(self, context: StepContext, config: ActConfig) -> Any:
        effects = context.resources.get(Effects) or Effects()
        effects.begin(context)
        well = False
        try:
            response = await self._do(context, config)
            well = True
            return response
        finally:
            effects.end(context, well=well)

    async def _do(self, context: StepContext, config: ActConfig) -> Any:
        for _ in range(config.yields):
            await asyncio.sleep(0)
        if config.gate is not None:
            await context.resource(Gates).pass_through(config.gate)
        if config.sleep is not None:
            await context.clock.sleep(config.sleep)
        if config.raises is not None:
            raise {"KeyError": KeyError, "ValueError": ValueError, "RuntimeError": RuntimeError}[config.raises]("oh")
        if config.fail is True or (config.fail is not False and context.attempt <= config.fail):
            raise StepError("asked to fail", category=config.category, retry_after=config.retry_after)
        if config.weird is not None:
            return WEIRD[config.weird]()
        return {"value": config.value, "attempt": context.attempt}


class Think(Act):
    """An `act` that the agents' node performs, so that this node can be watched without a model."""

    name: ClassVar[str] = "think"
    node = "react_agent"


class Guess(RouteChooser):
    """Chooses the last route, as a model might."""

    def shown(self, state: Any) -> str:
        return str(state)

    async def ask(self, context: StepContext, question: Mapping[str, Any], said: Sequence[str]) -> dict[str, Any]:
        return {"route": list(question["routes"])[-1], "explanation": "it was the last"}

    def more_budget(self, context: StepContext, over: Mapping[str, Any]) -> Waiting:
        raise AssertionError("it costs nothing")


def step_types(*more: Any) -> StepTypes:
    """What is installed, and ours."""
    return StepTypes([*installed_step_types().values(), Act(), Think(), *more])
