"""Pieces: one agent, its answers, its tools, and the people who step in at them."""

import re
from collections.abc import Mapping
from typing import Any, Final

from api.demo.players.company import Company, Seen, most_at_once
from api.demo.players.piece import Piece, Shown
from orchestrator.approvals.values import Decision
from orchestrator.store.port import OpenWait

ANSWERS: Final[dict[int, tuple[Decision, dict[str, Any]]]] = {
    200: ("approve", {}),
    300: ("edit", {"data": {"amount": 30}}),
    400: ("reject", {"reason": "too much"}),
    500: ("respond", {"data": "answered by ann"}),
}
"""What a person says to each amount that `calls_approved` asks about."""
_PAST: Final = {"approve": "approved", "edit": "edited", "reject": "rejected", "respond": "responded"}


async def side_by_side(company: Company) -> Shown:
    seen = await company.run("side_by_side")
    made, most = seen.like(".weather-"), most_at_once(seen.like(".weather-"))
    turns = len({path.partition(".")[0] for path in made})
    return Shown(
        f"{_many(len(made), 'call')} of a tool in {_many(turns, 'turn')}, {most} at work at once",
        [seen],
        {"it completes": seen.ended_well},
        {"calls of one turn are made side by side": (len(made), turns) == (3, 1) and most > 1},
    )


async def every_kind(company: Company) -> Shown:
    if not company.mcp:
        return Shown("not shown: it needs the packages of baton[mcp]", shown=False)
    await company.baton.publish(company.example("city_report"))
    seen = await company.run("every_kind_of_tool")
    made = seen.output("prepare").get("tool_calls", [])
    answered = [call["name"] for call in made if "result" in call]
    return Shown(
        f"{len(answered)} of {len(made)} answered: {', '.join(answered)}",
        [seen],
        {"it completes": seen.ended_well},
        {"a tool of each kind answers": len(set(answered)) == 6},
    )


async def in_a_form(company: Company) -> Shown:
    seen = await company.run("answer_in_a_form")
    given, asked = seen.execution.output or {}, len(seen.like(".model"))
    return Shown(
        f"asked {_many(asked, 'time')}; what fits in the end: {_values(given)}",
        [seen],
        {"the answer has the form": isinstance(given.get("days"), int) and isinstance(given.get("city"), str)},
        {"what did not fit was sent back once": asked == 2},
    )


async def refused(company: Company) -> Shown:
    seen = await company.run("calls_refused")
    calls = seen.output("look").get("tool_calls", [])
    not_made = [call["name"] for call in calls if "error" in call]
    told = [re.split(r"[.;] ", call["error"].removeprefix("Error: "))[0] for call in calls if "error" in call]
    return Shown(
        f"{len(not_made)} of {len(calls)} not made; the model is told: {'; '.join(told) or 'nothing'}",
        [seen],
        {"it completes": seen.ended_well, "nobody was paid": not any("pay_back" in path for path in seen.results)},
        {
            "two of three are refused before they are steps": len(seen.kept("tool.refused")) == 2,
            "wrong arguments reach no tool": not_made == ["teleport", "pay_back", "weather"],
        },
    )


async def long_conversations(company: Company) -> Shown:
    seen = await company.run("long_conversations")
    summaries = len(seen.like("summed_up[")) and len([path for path in seen.results if path.endswith(".summary")])
    most = {
        step: max(call.data.get("input_tokens", 0) for call in seen.calls if str(call.path).startswith(step))
        for step in ("summed_up", "left_out")
    }
    whole = seen.output("left_out").get("usage", {}).get("input_tokens", 0)
    read = len(seen.like(".guidebook-")) // 2
    allowed = company.example("long_conversations").spec.steps[0].config["context_tokens"]
    return Shown(
        f"{_many(read, 'page')} read, twice: summed up {_many(summaries, 'time')}; left out; told "
        f"{max(most.values())} tokens at most, of {allowed}",
        [seen],
        {"it completes": seen.ended_well},
        {
            "it is summed up": summaries > 0,
            "no call is told more than it may be": 0 < max(most.values()) <= allowed < whole,
        },
    )


async def limits(company: Company) -> Shown:
    seen = await company.run("limits")
    turns, time = seen.results["turns"], seen.results["time"]
    asked = seen.output("calls").get("tool_calls", [])
    made = [call for call in asked if "result" in call]
    said = (turns.get("error") or {}).get("category")
    return Shown(
        f"turns: {turns['status']} ({said}) after {_models(seen, 'turns[')} of {_turns(company)}; "
        f"calls: {len(made)} of {len(asked)} made; time: {time['status'].replace('_', ' ')}",
        [seen],
        {"calls of a tool are bounded": len(made) <= 2, "the workflow goes on": seen.ended_well},
        {
            "turns are bounded": (turns["status"], said) == ("failed", "budget"),
            "time is bounded": time["status"] == "timed_out",
            "the others are not made": (len(made), len(asked)) == (2, 4),
        },
    )


async def approved(company: Company) -> Shown:
    decided: list[tuple[float, Decision, float]] = []

    def say(wait: OpenWait) -> tuple[Decision, Mapping[str, Any]]:
        asked = wait.wait.question["payload"]
        decision, more = ANSWERS.get(asked["amount"], ("reject", {}))
        made = {**asked, **more["data"]} if decision == "edit" else asked
        decided.append((asked["amount"], decision, made["amount"]))
        return decision, more if decision != "edit" else {"data": made}

    seen = await company.answered(await company.start("calls_approved"), say)
    # A call is told as it was made: one that was edited, with what the person wrote.
    calls = {call["args"]["amount"]: _outcome(call) for call in seen.output("pay").get("tool_calls", [])}
    told = [f"{amount:g} {_PAST[decision]}: {calls.get(made)}" for amount, decision, made in sorted(decided)]
    unasked = calls.keys() - {made for _, _, made in decided}
    return Shown(
        f"{', '.join(map(str, sorted(unasked)))} unasked; {'; '.join(told)}",
        [seen],
        {"it completes": seen.ended_well, "what is large is asked about": all(amount <= 100 for amount in unasked)},
        {
            "four are asked about, once": (len(decided), unasked) == (4, {50}),
            "each decision does what it says": list(calls.values())
            == ["paid 50", "paid 200", "paid 30", "not paid", "answered by ann"],
        },
    )


def _outcome(call: dict[str, Any]) -> str:
    result = call.get("result")
    if isinstance(result, dict):
        return f"paid {result['paid']:g}"
    return "not paid" if "error" in call else str(result)


def _models(seen: Seen, below: str) -> int:
    return len([path for path in seen.results if path.startswith(below) and path.endswith(".model")])


def _turns(company: Company) -> int:
    return int(company.example("limits").spec.steps[0].config["max_turns"])


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _values(given: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in given.items())


PIECES: Final = (
    Piece("tools side by side", side_by_side),
    Piece("every kind of tool", every_kind),
    Piece("an answer in a form", in_a_form),
    Piece("calls that are refused", refused),
    Piece("long conversations", long_conversations),
    Piece("limits", limits),
    Piece("people at tool calls", approved),
)
