"""A model and a travel desk over HTTP that an agent uses while its process is killed, and what must hold of it."""

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from agents.models.scripts import Call, Failure, Script, Turn
from api.demo.provider import Provider
from api.demo.serving import in_a_thread
from tests.reliability import agent_life

LIFE_SECONDS = 150.0
Plan = dict[tuple[str, int], tuple[int, float]]
"""By kind and number of the call in a life: when it is killed (0 to 2), and for 2 how many seconds after."""

TRAVELLER = Script(
    "traveller",
    turns=(
        Turn("First the flight and the hotel.", calls=(Call("flight", {"to": "Rome"}), Call("hotel", {"to": "Rome"}))),
        Turn(calls=(Call("car", {"to": "Rome"}),)),
        Turn(calls=(Call("refund_everything", {}), Call("visa", {"to": "Italy"}))),
        Turn("Done, I think.", structured={"total": 0}),
        Turn(structured={"sum": 4}),
        Turn("All booked.", structured={"total": 4}),
    ),
)
QUITTER = Script(
    "quitter",
    turns=(
        Turn("The flight.", calls=(Call("flight", {"to": "Rome"}),)),
        Turn(calls=(Call("hotel", {"to": "Rome"}),)),
        Turn(calls=(Call("car", {"to": "Rome"}),)),
        Turn(failures=(Failure("authentication"),) * 100),
    ),
)
"""Books three things, and is not let in any more."""
TOOLS = {"flight": "Rome", "hotel": "Rome", "car": "Rome", "visa": "Italy"}


@dataclass
class World:
    """The provider, the desk where the tools book, and who is to be killed when."""

    url: str = ""
    provider: Provider = field(default_factory=lambda: Provider([TRAVELLER, QUITTER]))
    booked: list[tuple[str, str]] = field(default_factory=list)
    """Tool and idempotency key of every request."""
    plan: Plan = field(default_factory=dict)
    """By kind and number of the call in this life: when (0 to 2), and for 2 how many seconds after."""
    pid: int | None = None
    seen: Counter[str] = field(default_factory=Counter)

    async def book(self, request: Request) -> Response:
        tool = request.path_params["tool"]
        body = await request.json()
        what = f"cancel {body['booked']}" if tool == "cancel" else tool
        self.booked.append((what, request.headers["idempotency-key"]))
        self._maybe("tool", 0)
        response = JSONResponse({"booked": tool, "to": body["to"]})
        self._maybe("tool", 1)
        return response

    async def arrived(self, number: int) -> None:
        self._maybe("model", 0)

    async def leaves(self, number: int) -> None:
        self._maybe("model", 1)

    def _maybe(self, what: str, now: int) -> None:
        if now == 0:
            self.seen[what] += 1
        when, seconds = self.plan.get((what, self.seen[what] - 1), (-1, 0.0))
        if when == now:
            self._kill()
        elif when == 2 and now == 1:
            threading.Timer(seconds, self._kill).start()

    def _kill(self) -> None:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)


@contextmanager
def running_world() -> Iterator[World]:
    """A world that is served until the block ends."""
    made = World()
    made.provider.arriving, made.provider.leaving = made.arrived, made.leaves
    app = Starlette(routes=[Route("/desk/{tool}", made.book, methods=["POST"]), Mount("/", made.provider.app())])
    with in_a_thread(app, name="world") as made.url:
        yield made


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.reliability.agent_life"])


def _life(world: World, folder: Path, script: str) -> dict[str, Any] | None:
    """One process, from its start to its end; None when it was killed."""
    output = folder / "ended.json"
    world.seen.clear()
    process = FORKS.Process(
        target=agent_life.live,
        args=(str(folder / "baton.db"), f"{world.url}/v1", f"{world.url}/desk", str(output), script),
    )
    process.start()
    world.pid = process.pid
    process.join(LIFE_SECONDS)
    world.pid = None
    assert process.exitcode is not None, "it hangs"
    if process.exitcode == -signal.SIGKILL:
        return None
    assert process.exitcode == 0, (folder / "ended.json.log").read_text()
    ended: dict[str, Any] = json.loads(output.read_text())
    return ended


def _kept(folder: Path) -> set[str]:
    """Paths of the calls whose results are committed."""
    file = folder / "baton.db"
    if not file.exists():
        return set()
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT path FROM records WHERE kind = 'step.completed'").fetchall()
    return {path for (path,) in rows}


def asked(world: World) -> list[str]:
    """Every request so far, by the path of the call that made it."""
    spoken = [sum(m["role"] == "assistant" for m in one.body["messages"]) for one in world.provider.asked]
    keys = [key.split(":")[1] for _, key in world.booked]
    return [f"plan[{turn}].model" for turn in spoken] + keys


def under_kills(world: World, folder: Path, plans: Iterator[Plan], script: str = "traveller") -> int:
    """Lives until one ends by itself, as it should; gives how many were killed."""
    kills, ended = _carried_out(world, folder, plans, script)
    assert all(count <= 1 + kills for count in Counter(asked(world)).values())
    (_check_trip if script == "traveller" else _check_undone)(world, ended)
    return kills


def _carried_out(world: World, folder: Path, plans: Iterator[Plan], script: str) -> tuple[int, dict[str, Any]]:
    kills = 0
    while True:
        before, kept = Counter(asked(world)), _kept(folder)
        world.plan = next(plans, {})
        ended = _life(world, folder, script)
        again = Counter(asked(world)) - before
        assert not kept & set(again), f"asked again though completed: {kept & set(again)}"
        assert set(again.values()) <= {1}, f"asked twice in one life: {again}"
        if ended is not None:
            return kills, ended
        kills += 1


def _check_undone(world: World, ended: dict[str, Any]) -> None:
    """What was booked is cancelled, the last first, each under one key however often it was asked for."""
    assert ended["status"] == "compensated"
    keys = {key: what for what, key in world.booked}
    assert list(keys.values()) == ["flight", "hotel", "car", "cancel car", "cancel hotel", "cancel flight"]


def _check_trip(world: World, ended: dict[str, Any]) -> None:
    assert ended["status"] == "completed"
    assert ended["output"]["structured"] == {"total": 4}
    assert ended["output"]["turns"] == 6
    assert [call["name"] for call in ended["output"]["tool_calls"]] == [
        "flight",
        "hotel",
        "car",
        "refund_everything",
        "visa",
    ]
    assert ended["output"]["tool_calls"][3]["error"].startswith("Error: there is no tool 'refund_everything'.")
    for tool, to in TOOLS.items():
        (call,) = (call for call in ended["output"]["tool_calls"] if call["name"] == tool)
        assert call["result"] == {"booked": tool, "to": to}
    assert len({key for _, key in world.booked}) == 4, "the same call has the same key, however often it is made"


def random_kills(chance: random.Random) -> Iterator[Plan]:
    """Kills at random calls of each life, before, within and up to 20 ms after them, until nobody kills it any more."""
    for _ in range(12):
        what = chance.choice(["model", "model", "tool"])
        yield {(what, chance.randint(0, 2)): (chance.randint(0, 2), chance.random() * 0.02)}
