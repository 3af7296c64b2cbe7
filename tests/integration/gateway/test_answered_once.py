"""What a graph asks is answered once, however many answer it, and no answer is given to what was not asked of it."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("I08")


async def asked(http: httpx.AsyncClient, graph: str, thread: str) -> list[Any]:
    body = {"assistant_id": graph, "input": {"text": "x"}, "if_not_exists": "create"}
    return list((await http.post(f"/threads/{thread}/runs/wait", json=body)).json()["__interrupt__"])


async def answer(http: httpx.AsyncClient, graph: str, thread: str, resume: Any, **more: Any) -> httpx.Response:
    body = {"assistant_id": graph, "command": {"resume": resume}, **more}
    return await http.post(f"/threads/{thread}/runs/wait", json=body)


def told(answers: list[httpx.Response]) -> list[Any]:
    return [one.json() for one in answers if one.status_code == 200]


async def test_of_ten_answers_at_once_one_goes_on(http: httpx.AsyncClient) -> None:
    """The others are refused, and none of them is taken for the answer to the next question."""
    await asked(http, "ask_twice", "t")
    answers = await asyncio.gather(*(answer(http, "ask_twice", "t", f"{number}") for number in range(10)))
    [left] = told(answers)
    assert left["__interrupt__"][0]["value"] == "second?"
    assert {one.json()["code"] for one in answers if one.status_code != 200} == {"already_answered"}
    assert [one.status_code for one in answers].count(409) == 9
    answers = await asyncio.gather(*(answer(http, "ask_twice", "t", f"again {number}") for number in range(10)))
    [left] = told(answers)
    assert left["said"][0].count("again") == 1
    assert {one.json()["code"] for one in answers if one.status_code != 200} <= {"already_answered", "nothing_asked"}


async def test_who_names_the_newest_checkpoint_answers_once_too(http: httpx.AsyncClient) -> None:
    await asked(http, "ask_twice", "t")
    where = {"checkpoint": (await http.get("/threads/t/state")).json()["checkpoint"]}
    answers = await asyncio.gather(*(answer(http, "ask_twice", "t", f"{number}", **where) for number in range(5)))
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409, 409]


async def test_two_questions_at_once_take_their_answers_side_by_side(http: httpx.AsyncClient) -> None:
    ids = [each["id"] for each in await asked(http, "ask_both", "t")]
    answers = await asyncio.gather(*(answer(http, "ask_both", "t", {one: "yes"}) for one in (*ids, ids[0])))
    assert sorted(one.status_code for one in answers) == [200, 200, 409]
    state = (await http.get("/threads/t/state")).json()
    assert sorted(state["values"]["said"]) == ["left: yes", "right: yes"]


async def test_a_graph_that_has_ended_asks_nothing(http: httpx.AsyncClient) -> None:
    await asked(http, "ask", "t")
    assert (await answer(http, "ask", "t", "yes")).json()["said"] == ["answered: yes", "after"]
    late = await answer(http, "ask", "t", "no")
    assert (late.status_code, late.json()["code"]) == (409, "nothing_asked")
    assert (await http.get("/threads/t")).json()["values"]["said"] == ["answered: yes", "after"]


@pytest.mark.parametrize("goto", ["nowhere", ["after", "nowhere"], {"node": "nowhere", "input": {}}])
async def test_a_command_to_a_node_that_is_not_there_is_refused_at_once(http: httpx.AsyncClient, goto: Any) -> None:
    await asked(http, "ask", "t")
    body = {"assistant_id": "ask", "command": {"goto": goto}}
    refused = await http.post("/threads/t/runs/wait", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "node_unknown")
    assert "__end__, after, ask" in refused.text
    there = {"assistant_id": "ask", "command": {"goto": "after"}}
    assert (await http.post("/threads/t/runs/wait", json=there)).status_code == 200


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
async def test_who_asks_to_take_the_place_of_an_answer_may(
    http: httpx.AsyncClient, served: Served, strategy: str
) -> None:
    await asked(http, "ask_twice", "t")
    later = {"assistant_id": "ask_twice", "command": {"resume": "first"}, "after_seconds": 3600}
    assert (await http.post("/threads/t/runs", json=later)).status_code == 200
    refused = await answer(http, "ask_twice", "t", "second")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_answered")
    left = (await answer(http, "ask_twice", "t", "second", multitask_strategy=strategy)).json()
    assert left["__interrupt__"][0]["value"] == "second?"
