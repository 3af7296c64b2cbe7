"""Pieces: what a crash, a failure, a budget and a second look do to an agent."""

import asyncio
from collections import Counter
from typing import Final

from api.demo.outside import Asked
from api.demo.players.company import GIVE_UP_SECONDS, Company, Seen, approve
from api.demo.players.piece import Piece, Shown
from graphs.state import ExecutionStatus

TOOL: Final = "queue_for_review"
SERVICE, ROUTE, SLOW_SECONDS = "notification-service", "/api/notifications/send", 20.0
"""What the tool asks, and how long that takes to answer while its engine is to be killed."""
TOP_UP: Final = 10


async def killed(company: Company) -> Shown:
    if not company.kill:
        return Shown("not shown: no engine is to be killed", shown=False)
    await company.outside.slow_down(SERVICE, ROUTE, SLOW_SECONDS)
    execution = await company.start("gone_on")

    async def in_flight() -> bool:
        return bool(await company.outside.effects(execution.id)) or (await company.baton.get(execution.id)).status.final

    await company.until(in_flight)
    before = len((await company.seen(execution)).calls)
    await company.engine.kill()
    async with asyncio.timeout(GIVE_UP_SECONDS):  # all slowed the same service down
        await company.together.wait()
    await company.outside.speed_up(SERVICE)
    await company.engine.start()
    seen = await company.ended(execution)
    asked = {row.step: row for row in await company.outside.asked(execution.id)}
    tool = next((row for step, row in asked.items() if TOOL in step), Asked(TOOL, 0, 0, 0))
    per_call = Counter(call.path for call in seen.calls)
    return Shown(
        f"kill -9 in {TOOL}, after {before} of {len(per_call)} calls of the model, each paid "
        f"{_times(max(per_call.values(), default=0))}; the tool: asked {_times(tool.requests)}, "
        f"done {_times(tool.effects)}",
        [seen],
        {
            "it completes": seen.ended_well,
            "no call of the model is paid twice": max(per_call.values(), default=0) == 1,
            "no call of a tool is done twice": all(row.effects <= 1 for row in asked.values()),
        },
        {
            "the call in flight is made again under its key": (tool.requests, tool.replayed, tool.effects) == (2, 1, 1),
            "the others are not": all(row.requests == 1 for row in asked.values() if row is not tool),
            "the provider heard each question once": _heard_once(company),
        },
    )


def _heard_once(company: Company) -> bool:
    if company.provider is None:
        return True
    heard = Counter(one.conversation for one in company.provider.asked if one.model == "steady")
    return len(heard) == 3 and set(heard.values()) == {1}


async def undone(company: Company) -> Shown:
    seen = await company.run("trip_undone")
    booked = [str(result["output"]["booking"]) for path, result in seen.results.items() if _books(path, result)]
    cancelled = [str(result["output"]).partition(" ")[0] for result in _undoing(seen)]
    failed = [path for path, result in seen.results.items() if result["status"] == "failed"]
    return Shown(
        f"{', '.join(booked)} booked, then {', '.join(failed)} failed; cancelled: {', '.join(cancelled)}",
        [seen],
        {
            "it is compensated": seen.execution.status == "compensated",
            "the last first, each once": cancelled == booked[::-1],
        },
        {"three things were booked": len(booked) == 3},
    )


def _books(path: str, result: object) -> bool:
    return (
        ".book-" in path and not path.startswith("~") and isinstance(result, dict) and result["status"] == "completed"
    )


def _undoing(seen: Seen) -> list[dict[str, object]]:
    return [
        dict(result)
        for path, result in seen.results.items()
        if path.startswith("~compensation") and "is cancelled" in str(result.get("output")) and path.count(".book") == 1
    ]


async def topped_up(company: Company) -> Shown:
    execution = await company.start("budget_topped_up")

    async def rests() -> bool:
        status = (await company.baton.get(execution.id)).status
        return status.final or status is ExecutionStatus.BUDGET_EXCEEDED

    await company.until(rests)
    rested = await company.seen(execution)
    seen = await company.answered(execution, lambda _: ("edit", {"data": {"raise_by": TOP_UP}}))
    raised = seen.kept("budget.raised")
    by = ", ".join(str(result["decided_by"]) for result in seen.results.values() if result.get("decided_by"))
    return Shown(
        f"{rested.execution.status} after {len(rested.calls)} calls; {by or 'nobody'} raised it by "
        f"{sum(record.data['by'] for record in raised)}; {seen.execution.status} after {len(seen.calls)}",
        [seen],
        {"it completes": seen.ended_well, "it never spends more than it may": len(rested.calls) <= 2},
        {"it rests at its budget, and goes on": bool(raised) and len(seen.calls) > 2},
    )


async def bad_day(company: Company) -> Shown:
    seen = await company.run("bad_day")
    failures = [str(record.data["error"]["code"]) for record in seen.kept("step.retrying")]
    attempts = seen.results["ask[0].model"].get("attempts")
    return Shown(
        f"{', then '.join(failures) or 'nothing failed'}; attempt {attempts} answered",
        [seen],
        {"it completes": seen.ended_well},
        {"a 429 and a 500 are tried again": (failures, attempts) == (["model_rate_limited", "model_failed"], 3)},
    )


async def replayed(company: Company) -> Shown:
    seen = await company.run("side_by_side")
    other = company.voice.model("hasty-clerk")
    again = await company.ended(await company.baton.replay(seen.execution.id, "compare", model=other))
    found = await company.baton.compare(seen.execution.id, again.execution.id)
    differ = [step["path"] for step in found["steps"] if step["differs"] or step["only"]]
    costs = [found["cost"][side] for side in ("left", "right")]
    served = len(again.like(".weather-"))
    return Shown(
        f"{found['same']} steps the same, {len(differ)} not; {costs[0]['tokens']} tokens, then {costs[1]['tokens']}; "
        f"{_calls(served)} of tools served from the record",
        [seen, again],
        {"it completes": again.ended_well, "nothing is done again": not found["not_recorded"] or not served},
        {"the difference is found": bool(differ) and "result" not in differ},
    )


async def pinned(company: Company) -> Shown:
    given = {"message": "Pay 500 back to Eve."}
    await company.baton.publish(company.example("cashier"))
    first = await company.baton.start("cashier", given)
    await company.asked(first)
    await company.baton.publish(company.example("cashier", version="2.0"))
    second = await company.baton.start("cashier", given)
    ended = [await company.answered(one, approve) for one in (first, second)]
    versions = [seen.execution.version for seen in ended]
    return Shown(
        f"begun before 2.0 was published: ends with {versions[0]}; begun after: {versions[1]}",
        ended,
        {"both complete": all(seen.ended_well for seen in ended), "each keeps its version": versions == ["1.0", "2.0"]},
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _calls(count: int) -> str:
    return f"{count} call" if count == 1 else f"{count} calls"


PIECES: Final = (
    Piece("kill -9 in the middle", killed, alone=True),
    Piece("a saga undoes its agent", undone),
    Piece("a budget, topped up", topped_up),
    Piece("a provider's bad day", bad_day),
    Piece("agents have versions", pinned),
    Piece("a replay, and its diff", replayed),
)
