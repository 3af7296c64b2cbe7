"""A request that names no workflow becomes a checked, approved, parallel plan and an answer put together of it: from a
model behind OpenAI's wire format to a client of langgraph-sdk, and to a chat client."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph_sdk import get_client

from agents.models.scripts import Script, Turn
from api.demo.provider import Provider, serving
from tests.support.gateway.calls import until_rest
from tests.support.gateway.serving import Served
from tests.support.gateway.serving import serving as gateway

PLANNER = str(Path(__file__).parents[2] / "support" / "gateway" / "app" / "planner.py")
PLAN = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: travel, description: Looks at cities and books a room in each}
spec:
  input:
    schema: {type: object, properties: {cities: {type: array, items: {type: string}}}, required: [cities]}
  steps:
    - name: weather
      type: map
      config: {items: "{{ input.cities }}"}
      steps:
        - {name: look, type: tool, config: {tool: look_up, args: {city: "{{ item }}"}}}
    - name: rooms
      type: map
      config: {items: "{{ input.cities }}"}
      steps:
        - {name: book, type: tool, config: {tool: book, args: {city: "{{ item }}"}}}
  output:
    values:
      weather: "{{ steps.weather.output.results }}"
      rooms: "{{ steps.rooms.output.results }}"
"""


class Planner(Script):
    """What the model says, by the form it is to answer in; its first plan cannot be run."""

    def turn(self, spoken: int, asked: str, form: Any) -> Turn | None:
        wanted = (form or {}).get("properties", {})
        if "route" in wanted:
            route = "plan" if "Book" in asked else "answer"
            return Turn(structured={"route": route, "reason": "It takes several things.", "complexity": 3})
        if "summary" in wanted:
            text = PLAN if "no step type" in asked else PLAN.replace("type: map", "type: each")
            given = {"cities": ["Oslo", "Rome"]}
            return Turn(structured={"workflow": text, "input": given, "summary": "Looks and books in two cities."})
        found = re.findall(r'"booked": "(\w+)"', asked)
        return Turn(f"Rooms are booked in {' and '.join(found)}." if found else f"You said: {asked[:40]}")


@pytest.fixture
def provider() -> Provider:
    return Provider([Planner("planner")])


@pytest.fixture
def bookings(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with serving(provider) as url:
        monkeypatch.setenv("PROVIDER", url)
        monkeypatch.setenv("BOOKINGS", str(tmp_path / "bookings.txt"))
        yield tmp_path / "bookings.txt"


@pytest.fixture
async def served(bookings: Path, tmp_path: Path) -> AsyncIterator[Served]:
    async with gateway(tmp_path / "baton.db", modules=(PLANNER,), heartbeat=0.2) as running:
        yield running


REQUEST = "Book rooms in Oslo and Rome, and say how the weather is"


@pytest.mark.capability("I05", "F22", "F08", "I08", "I14", "O02")
async def test_a_client_of_the_sdk_sees_the_plan_approves_it_and_hears_the_answer_word_by_word(
    served: Served, bookings: Path, provider: Provider
) -> None:
    async with get_client(url=served.url, api_key=None, timeout=30) as client:
        assert [one["graph_id"] for one in await client.assistants.search()] == ["agent", "baton"]
        thread = (await client.threads.create())["thread_id"]
        modes: Any = ["updates", "messages-tuple", "custom"]
        parts = [
            part async for part in client.runs.stream(thread, "baton", input={"message": REQUEST}, stream_mode=modes)
        ]
        [asked] = [part.data["__interrupt__"] for part in parts if "__interrupt__" in (part.data or {})]
        updates: dict[str, Any] = {}
        for part in parts:
            if part.event == "updates":
                updates |= part.data
        problem = updates["route.draft[0].check"]["problems"][0]
        assert problem.startswith("line 10: step 'weather', type: no step type 'each'.")
        shown = asked[0]["value"]["action_request"]["args"]
        assert "name: travel" in shown["workflow"] and shown["acts"] == [
            {"step": "book", "does": "calls the tool 'book'"}
        ]
        assert not bookings.exists()
        words, done = [], {}
        async for part in client.runs.stream(thread, "baton", command={"resume": "approve"}, stream_mode=modes):
            if part.event == "messages":
                words.append(part.data[0]["content"])
            elif part.event == "updates":
                done |= part.data
        state = await client.threads.get_state(thread)
    assert sorted(bookings.read_text().split()) == ["Oslo", "Rome"]
    assert "route.draft[1].carry_out.weather[1].look" in done and "route.draft[1].carry_out.rooms[0].book" in done
    assert "".join(words) == "Rooms are booked in Oslo and Rome." and len(words) > 3
    values: Any = state["values"]
    assert values["output"]["answer"] == "Rooms are booked in Oslo and Rome."
    assert values["output"]["result"]["weather"] == [{"city": city, "weather": "fine"} for city in ("Oslo", "Rome")]
    assert [*provider.conversations.values()] == [1] * 4, "the decision, two drafts, the answer: each paid for once"


@pytest.mark.capability("I05", "C11", "I14")
async def test_over_http_it_is_a_workflow_whose_plan_is_published(served: Served, bookings: Path) -> None:
    async with httpx.AsyncClient(base_url=f"{served.url}/v1", timeout=60) as http:
        body = {"workflow": "baton", "input": {"message": REQUEST}, "id": "asked"}
        assert (await http.post("/executions", json=body)).status_code == 201
        await until_rest(served, "asked")
        [approval] = (await http.get("/approvals")).json()["approvals"]
        said = {"decision": "approve", "digest": approval["digest"]}
        decided = await http.post(f"/approvals/asked/{approval['path']}/decide", json=said)
        assert decided.status_code == 200, decided.text
        await until_rest(served, "asked")
        saved = await http.post("/workflows/plans/asked", json={"save_as": "travel@2.0"})
        assert (saved.status_code, saved.json()["name"], saved.json()["version"]) == (201, "travel", "2.0")
        body = {"workflow": "travel", "input": {"cities": ["Bern"]}, "id": "again"}
        again = await http.post("/executions", json=body)
        assert again.status_code == 201
        await until_rest(served, "again")
        assert (await http.get("/executions/again")).json()["execution"]["status"] == "completed"
        assert (await http.post("/workflows/plans/again", json={"save_as": "x"})).json()["code"] == "plan_missing"
        assert (await http.post("/workflows/plans/asked", json={"save_as": "two words"})).status_code == 422
    assert bookings.read_text().split()[-1] == "Bern"


@pytest.mark.capability("I05", "F22", "I08", "I14")
async def test_a_chat_client_talks_to_it_as_to_a_model(served: Served, bookings: Path) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        assert [one["id"] for one in (await http.get(f"{served.url}/v1/models")).json()["data"]] == ["agent", "baton"]
        model = ChatOpenAI(model="baton", base_url=f"{served.url}/v1", api_key="none", http_async_client=http)  # type: ignore[arg-type]
        assert (await model.ainvoke("Hello there")).content == "You said: Hello there"
        asked = await model.ainvoke(REQUEST)
        assert "May this plan run, which changes something in the world outside" in str(asked.content)
        assert "type: map" in str(asked.content) and not bookings.exists()
        said = [HumanMessage(REQUEST), asked, HumanMessage("approve")]
        pieces = [str(piece.content) async for piece in model.astream(said)]
    assert "".join(pieces) == "Rooms are booked in Oslo and Rome."
    assert len([piece for piece in pieces if piece]) > 3, "word by word"
    assert sorted(bookings.read_text().split()) == ["Oslo", "Rome"]
