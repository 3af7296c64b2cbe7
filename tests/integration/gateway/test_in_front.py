"""Several things asked at once, answered the way Agent Chat UI and Agent Inbox do: one at a time, with nothing in the
answer that says which it is for. It goes to what its sender saw, or nowhere."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import asks, awaits, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served, serving

pytestmark = pytest.mark.capability("I23")

APPROVE: Any = {"decisions": [{"type": "approve"}]}
REJECT: Any = {"decisions": [{"type": "reject", "message": "no"}]}
ACCEPT: Any = [{"type": "accept", "args": None}]
IGNORE: Any = [{"type": "ignore", "args": None}]
THREE = workflow(
    "three",
    awaits("paid", "order.paid"),
    asks("left", payload={"to": "ann"}, on_reject="continue"),
    asks("middle", payload={"to": "ben"}, on_reject="continue"),
    {**asks("right", payload={"to": "cleo"}), "depends_on": ["left"]},
)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "baton.db") as gateway:
        yield gateway


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(served.url) as raw:
        await publish(raw, THREE)
        body = {"assistant_id": "three", "input": {}, "if_not_exists": "create"}
        left: Any = (await raw.post("/threads/t/runs/wait", json=body)).json()
        assert [each["value"]["path"] for each in left["__interrupt__"]] == ["left", "middle", "paid"]
        yield raw


async def in_chat_ui(http: httpx.AsyncClient) -> str:
    """What Agent Chat UI shows of a thread at rest: `threadHead.tasks.at(-1).interrupts.at(-1)` with the SDK's 1.8, the
    first of `threadHead.tasks.flatMap((task) => task.interrupts)`, and tabs for the others, with its 1.15."""
    [head, *_] = (await http.post("/threads/t/history", json={"limit": 10})).json()
    [asked] = [each for task in head["tasks"] for each in task["interrupts"]]
    assert asked == head["tasks"][-1]["interrupts"][-1]
    return str(asked["value"]["action_requests"][0]["name"])


async def in_inbox(http: httpx.AsyncClient, *, listed: bool = False) -> str:
    """What Agent Inbox shows: the first of `thread.interrupts`."""
    if listed:
        found = (await http.post("/threads/search", json={"status": "interrupted", "limit": 10})).json()
        [thread] = [each for each in found if each["thread_id"] == "t"]
    else:
        thread = (await http.get("/threads/t")).json()
    [first, *_] = thread["interrupts"].values()
    return str(first[0]["value"]["action_requests"][0]["name"])


async def answer(http: httpx.AsyncClient, resume: Any) -> str | None:
    """Answer; the code of an error."""
    body = {"assistant_id": "three", "input": {}, "command": {"resume": resume}}
    code: str | None = (await http.post("/threads/t/runs/wait", json=body)).json().get("code")
    return code


async def decisions(served: Served) -> list[tuple[str | None, str]]:
    """What was decided, in the order in which it was."""
    records = await served.gateway.orchestrator.records("t")
    return [(each.path, each.data["decision"]) for each in records if each.kind == "approval.decided"]


async def test_chat_ui_answers_one_after_another(http: httpx.AsyncClient, served: Served) -> None:
    for shown, resume in (("left", APPROVE), ("middle", REJECT), ("right", APPROVE)):
        assert await in_chat_ui(http) == shown
        assert await answer(http, resume) is None
    assert await decisions(served) == [("left", "approved"), ("middle", "rejected"), ("right", "approved")]


@pytest.mark.parametrize("listed", [True, False])
async def test_the_inbox_answers_one_after_another(http: httpx.AsyncClient, served: Served, listed: bool) -> None:
    for shown, resume in (("left", ACCEPT), ("middle", IGNORE), ("right", ACCEPT)):
        assert await in_inbox(http, listed=listed) == shown
        assert await answer(http, resume) is None
    assert await decisions(served) == [("left", "approved"), ("middle", "rejected"), ("right", "approved")]


async def test_all_at_once_are_answered_by_id(http: httpx.AsyncClient, served: Served) -> None:
    asked = (await http.get("/threads/t/state")).json()["interrupts"]
    ids = {each["value"]["path"]: each["id"] for each in asked}
    assert await answer(http, {ids["left"]: APPROVE, ids["middle"]: REJECT}) is None
    assert sorted(await decisions(served)) == [("left", "approved"), ("middle", "rejected")]


async def test_what_somebody_else_answered_meanwhile_lets_no_answer_fall_on_the_next(
    http: httpx.AsyncClient, served: Served
) -> None:
    for shows in (in_chat_ui, in_inbox):
        shown = await shows(http)
        await served.gateway.orchestrator.decide("t", shown, "reject", by="ben")
        await served.gateway.orchestrator.wait("t", until="rest")
        before = await decisions(served)
        assert await answer(http, APPROVE) == "no_longer_asked"
        assert await decisions(served) == before
    assert await in_chat_ui(http) == "right"
    assert await answer(http, APPROVE) is None


async def test_the_same_answer_once_more_answers_nothing_else(http: httpx.AsyncClient, served: Served) -> None:
    assert await in_inbox(http) == "left"
    assert await answer(http, ACCEPT) is None
    for _ in range(2):
        assert await answer(http, ACCEPT) == "several_asked"
    assert await decisions(served) == [("left", "approved")]


async def test_the_last_of_several_takes_no_answer_of_who_has_not_seen_it(
    http: httpx.AsyncClient, served: Served
) -> None:
    [left, *_] = (await http.get("/threads/t/state")).json()["interrupts"]
    assert await answer(http, {left["id"]: REJECT}) is None
    baton = served.gateway.orchestrator
    await baton.decide("t", "middle", "approve", by="ben")
    await baton.wait("t", until="rest")
    assert [wait.path for wait in await baton.waits("t") if wait.wait.kind == "approval"] == ["right"]
    assert await answer(http, APPROVE) == "several_asked"
    assert await in_chat_ui(http) == "right"
    assert await answer(http, APPROVE) is None


@pytest.mark.parametrize(
    ("resume", "refused"),
    [
        ([{"type": "accept", "args": {"action": "middle", "args": {"to": "ben"}}}], None),
        ({"decisions": [{"type": "edit", "edited_action": {"name": "middle", "args": {"to": "ben"}}}]}, "not_allowed"),
        ([{"type": "accept", "args": {"action": "middle", "args": {"to": "dan"}}}], "no_longer_asked"),
        ([{"type": "accept", "args": {"action": "gone", "args": {"to": "ben"}}}], "no_longer_asked"),
        ({"decisions": [{"type": "approve"}, {"type": "approve"}]}, "decision_not_understood"),
    ],
)
async def test_an_answer_that_names_what_it_is_for_needs_nothing_in_front(
    http: httpx.AsyncClient, served: Served, resume: Any, refused: str | None
) -> None:
    code = await answer(http, resume)
    assert await decisions(served) == ([("middle", "approved")] if refused is None else [])
    assert (code is None) == (refused is None)
    if refused not in (None, "not_allowed"):
        assert code == refused


async def test_of_several_a_digest_says_which(http: httpx.AsyncClient, served: Served) -> None:
    asked = (await http.get("/threads/t/state")).json()["interrupts"]
    digests = {each["value"]["path"]: each["value"]["digest"] for each in asked}
    assert await answer(http, {**APPROVE, "digest": "0" * 64}) == "no_longer_asked"
    assert await answer(http, {"decision": "approve", "digest": digests["middle"]}) is None
    assert await decisions(served) == [("middle", "approved")]


async def test_what_one_reader_saw_another_did_not(http: httpx.AsyncClient, served: Served) -> None:
    keys = {name: await make_key(served.gateway.orchestrator, "editor", name=name) for name in ("ann", "ben")}
    async with caller(served.url, keys["ann"]) as ann, caller(served.url, keys["ben"]) as ben:
        assert await in_chat_ui(ann) == "left"
        assert await answer(ben, APPROVE) == "several_asked"
        assert await answer(ann, APPROVE) is None
    assert await decisions(served) == [("left", "approved")]


async def test_a_state_in_which_several_tasks_ask_puts_none_in_front(http: httpx.AsyncClient, served: Served) -> None:
    tasks = (await http.get("/threads/t/state")).json()["tasks"]
    assert [task["interrupts"][0]["value"]["path"] for task in tasks] == ["left", "middle", "paid"]
    assert await answer(http, APPROVE) == "several_asked"
    assert await decisions(served) == []


async def test_who_may_only_decide_answers_what_they_are_shown(http: httpx.AsyncClient, served: Served) -> None:
    key = await make_key(served.gateway.orchestrator, "approver", name="cleo", scopes=["decide"])
    async with caller(served.url, key) as cleo:
        for shown in ("left", "middle", "right"):
            assert await in_chat_ui(cleo) == shown
            [head] = (await cleo.post("/threads/t/history", json={})).json()
            assert [each["content"] for each in head["values"]["messages"]] == ["three"], "it shows no thread without"
            await answer(cleo, APPROVE)
    assert [path for path, _ in await decisions(served)] == ["left", "middle", "right"]


@pytest.mark.parametrize("shows", [in_chat_ui, in_inbox])
async def test_what_somebody_saw_is_known_after_a_restart(tmp_path: Path, shows: Any) -> None:
    """They saw the first of two questions, which somebody else answered; then the second was asked, alone. Without what
    is kept it would look as if whoever answers could have seen that one only."""
    after = {**asks("second", on_reject="continue"), "depends_on": ["first"]}
    async with serving(tmp_path / "baton.db") as served, httpx.AsyncClient(base_url=served.url) as http:
        await publish(http, workflow("three", asks("first", on_reject="continue"), after))
        body = {"assistant_id": "three", "input": {}, "if_not_exists": "create"}
        await http.post("/threads/t/runs/wait", json=body)
        assert await shows(http) == "first"
        await served.gateway.orchestrator.decide("t", "first", "reject", by="ben")
        await served.gateway.orchestrator.wait("t", until="rest")
    async with serving(tmp_path / "baton.db") as served, httpx.AsyncClient(base_url=served.url) as http:
        assert await answer(http, APPROVE) == "no_longer_asked"
        assert await decisions(served) == [("first", "rejected")]
        assert await shows(http) == "second"
    async with serving(tmp_path / "baton.db") as served, httpx.AsyncClient(base_url=served.url) as http:
        assert await answer(http, APPROVE) is None
        assert await decisions(served) == [("first", "rejected"), ("second", "approved")]


async def test_what_was_shown_goes_with_the_thread(http: httpx.AsyncClient, served: Served) -> None:
    store = served.gateway.orchestrator.store
    assert await in_inbox(http) == "left"
    assert store._reader.point("SELECT count(*) FROM shown_questions") == [(1,)]
    await served.gateway.orchestrator.cancel("t")
    await served.gateway.orchestrator.wait("t")
    assert await store.prune(before=datetime.now(UTC) + timedelta(days=1)) == 1
    assert store._reader.point("SELECT count(*) FROM shown_questions") == [(0,)]
