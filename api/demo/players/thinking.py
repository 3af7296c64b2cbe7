"""Pieces: how work finds whoever does it. Requests in plain words, capabilities, routes, agents that hand over."""

from typing import Any, Final

from api.demo import planner
from api.demo.players.company import Company, Seen, approve, most_at_once
from api.demo.players.piece import Piece, Shown

CASEY: Final = {"customer_id": "CUST-67890", "order_id": "ORD-12345"}


async def analysed(company: Company) -> Shown:
    seen = await company.run("gone_on")
    (planned,) = seen.kept("execution.planned")
    task, strategy = planned.data["task_analysis"], planned.data["execution_strategy"]
    parts = ", ".join(name for name, value in task["parts"].items() if value)
    past = (task["past"] or {}).get("executions", 0)
    return Shown(
        f"complexity {task['complexity_score']:g}, of {parts} ({past} before it); {strategy['pattern']}: "
        f"{strategy['reason'].partition(';')[0]}",
        [seen],
        {"it is kept with its parts and its reason": bool(task["parts"]) and bool(strategy["reason"])},
        {"what went before is looked at": past == int(company.kill)},
    )


async def answered(company: Company) -> Shown:
    seen = await _asked(company, "How are you?")
    return Shown(
        f"{_route(seen)}: “{_words(seen)}”",
        [seen],
        {
            "it completes": seen.ended_well,
            "it is answered at once": (seen.execution.output or {}).get("route") == "answer",
        },
    )


async def matched(company: Company) -> Shown:
    await company.baton.publish(company.example("city_report"))
    seen = await _asked(company, "Give me the city report of Rome.")
    given = seen.output("route.check_input").get("input") or {}
    result = (seen.execution.output or {}).get("result") or {}
    return Shown(
        f"{_route(seen)}, its input filled in and checked: {_values(given)}; it gave {_values(result)}",
        [seen],
        {"it completes": seen.ended_well},
        {"the workflow that fits is run": result.get("city") == "Rome" and given == {"city": "Rome"}},
    )


async def planned(company: Company) -> Shown:
    execution = await company.baton.ask(
        "Book a hotel in Oslo, one in Rome and one in Lima.", route="plan", model=company.voice.model(planner.NAME)
    )
    seen = await company.answered(execution, approve)
    checks = [result["output"] for path, result in seen.results.items() if path.endswith(".check")]
    wrong = sum(len(check["problems"]) for check in checks)
    booked = {path: result for path, result in seen.like(".carry_out.").items() if _books(result)}
    kept = await company.baton.save_plan(execution.id, "hotels", by="ann")
    again = await company.ended(await company.baton.start(kept.name, checks[-1]["plan"]["input"]))
    return Shown(
        f"draft {len(checks)} valid ({wrong} wrong before); {_by(seen)} approved; {len(booked)} booked, "
        f"{most_at_once(booked)} at once; saved as {kept.name}@{kept.version} and run: {again.execution.status}",
        [seen, again],
        {
            "it completes": seen.ended_well,
            "a person approves what acts": bool(_by(seen)),
            "it runs again": again.ended_well,
        },
        {"the draft is put right": (len(checks), wrong) == (2, 1), "three are booked": len(booked) == 3},
    )


def _books(result: Any) -> bool:
    return isinstance(result.get("output"), dict) and "booking" in result["output"]


def _by(seen: Seen) -> str:
    return ", ".join(str(one["decided_by"]) for one in seen.results.values() if one.get("decided_by"))


async def by_ability(company: Company) -> Shown:
    await company.baton.publish(company.example("old_hand"))
    seen = [await company.run("by_ability") for _ in range(2)]
    chosen = [one.kept("agent.chosen")[0].data for one in seen]
    ends = [one.results["answer"]["status"] for one in seen]
    return Shown(
        f"{chosen[0]['agent']} {ends[0]}; then {chosen[1]['agent']} {ends[1]}, because: {chosen[1]['reason']}",
        seen,
        {"every choice is explained": all(choice["reason"] for choice in chosen)},
        {
            "who failed is not chosen again": [choice["agent"] for choice in chosen] == ["apprentice", "old_hand"],
            "the second one answers": ends == ["failed", "completed"],
        },
    )


async def routed(company: Company) -> Shown:
    seen = await company.run("route_chosen")
    said = [
        str(one["output"]["said"]) for path, one in seen.results.items() if path.startswith("letter[") and _says(one)
    ]
    lost = seen.results["riddle"]
    why = (lost.get("error") or {}).get("code", lost.get("route"))
    again = f"“{', '.join(said)}” is no route: asked again, took" if said else "took"
    return Shown(
        f"{again} {seen.results['letter'].get('route')}; who never names one: {lost['status']} ({why})",
        [seen],
        {"a route is taken": seen.results["letter"].get("route") in ("refunds", "bookings")},
        {
            "another name is sent back": said == ["complaints"],
            "an unknown route never passes": (lost["status"], why) == ("failed", "route_unknown"),
        },
    )


def _says(result: Any) -> bool:
    return isinstance(result.get("output"), dict) and "said" in result["output"]


async def supervised(company: Company) -> Shown:
    seen = await company.run("agent_supervisor", CASEY)
    asked = (seen.execution.output or {}).get("asked") or []
    return Shown(
        f"{seen.output('lead').get('agent')}: {', '.join(asked)}; {len(seen.results)} steps in one execution",
        [seen],
        {"it completes": seen.ended_well},
        {"both desks are asked": asked == ["ask_billing", "ask_shipping"]},
    )


async def swarmed(company: Company) -> Shown:
    seen = await company.run("agent_swarm", CASEY)
    desks = (seen.execution.output or {}).get("desks") or []
    return Shown(
        " -> ".join(desks),
        [seen],
        {"it completes": seen.ended_well, "somebody is spoken to": bool(desks)},
        {"they hand over": desks == ["triage_agent", "billing_desk", "shipping_desk"]},
    )


async def _asked(company: Company, request: str) -> Seen:
    execution = await company.baton.ask(request, model=company.voice.model(planner.NAME))
    return await company.ended(execution)


def _route(seen: Seen) -> str:
    output = seen.execution.output or {}
    return f"{output.get('route')} ({output.get('reason')})"


def _words(seen: Seen) -> str:
    text = " ".join(str((seen.execution.output or {}).get("answer")).split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _values(given: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in given.items()) or "nothing"


PIECES: Final = (
    Piece("task analysis", analysed),
    Piece("a direct answer", answered),
    Piece("a workflow that fits", matched),
    Piece("a plan, approved, saved", planned),
    Piece("whoever is able to", by_ability),
    Piece("a route a model chooses", routed),
    Piece("hand-over: a supervisor", supervised),
    Piece("hand-over: a swarm", swarmed),
)
