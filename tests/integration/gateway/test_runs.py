"""Runs as langgraph-sdk starts, streams, waits for and cancels them."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from tests.support.gateway.serving import Served


async def parts(stream: Any) -> list[tuple[str, Any]]:
    """What a stream said."""
    return [(part.event, part.data) async for part in stream]


async def test_a_run_is_waited_for(client: LangGraphClient) -> None:
    thread = await client.threads.create()
    left = await client.runs.wait(thread["thread_id"], "echo", input={"text": "hello"})
    assert left == {"text": "hello", "said": ["echo: hello"]}
    assert await client.runs.wait(None, "echo", input={"text": "hi"}) == {"text": "hi", "said": ["echo: hi"]}


async def test_a_stream_begins_with_the_run_and_has_the_modes_asked_for(client: LangGraphClient) -> None:
    thread = await client.threads.create()
    created: list[Any] = []
    said = await parts(
        client.runs.stream(
            thread["thread_id"],
            "echo",
            input={"text": "hi"},
            stream_mode=["values", "updates", "custom"],
            on_run_created=created.append,
        )
    )
    assert [event for event, _ in said] == ["metadata", "values", "custom", "updates", "values"]
    assert said[0][1]["run_id"] == created[0]["run_id"]
    assert said[0][1]["attempt"] == 1
    assert said[2][1] == {"progress": "half"}
    assert said[3][1] == {"say": {"said": ["echo: hi"]}}
    assert said[4][1] == {"text": "hi", "said": ["echo: hi"]}
    run = await client.runs.get(thread["thread_id"], created[0]["run_id"])
    assert run["status"] == "success"


async def test_tokens_come_as_tuples_and_as_whole_messages(client: LangGraphClient) -> None:
    asked = {"messages": [{"role": "user", "content": "hello"}]}
    tuples = await parts(client.runs.stream(None, "chat", input=asked, stream_mode="messages-tuple"))
    assert {event for event, _ in tuples[1:]} == {"messages"}
    assert "".join(data[0]["content"] for _, data in tuples[1:]) == "You said hello."
    assert all(data[1]["langgraph_node"] == "model" for _, data in tuples[1:])

    whole = await parts(client.runs.stream(None, "chat", input=asked, stream_mode="messages"))
    assert [event for event, _ in whole[1:3]] == ["messages/metadata", "messages/partial"]
    assert whole[-1][1][0]["content"] == "You said hello."
    assert whole[-1][1][0]["type"] == "ai"


async def test_events_of_langchain_are_streamed(client: LangGraphClient) -> None:
    said = await parts(client.runs.stream(None, "echo", input={"text": "hi"}, stream_mode=["events", "values"]))
    kinds = [data["event"] for event, data in said if event == "events"]
    assert (kinds[0], kinds[-1]) == ("on_chain_start", "on_chain_end")
    assert [data for event, data in said if event == "values"][-1] == {"text": "hi", "said": ["echo: hi"]}


async def test_graphs_inside_say_where_they_are(client: LangGraphClient) -> None:
    stream = client.runs.stream(None, "nested", input={"text": "hi"}, stream_mode="updates", stream_subgraphs=True)
    names = [event for event, _ in await parts(stream)]
    assert any(name.startswith("updates|child:") for name in names)


@pytest.mark.parametrize("mode", ["updates", "values", "messages-tuple", "custom", "events"])
async def test_a_question_is_never_missed_whatever_was_asked_for(client: LangGraphClient, mode: Any) -> None:
    said = await parts(client.runs.stream(None, "ask", input={"text": "it"}, stream_mode=mode))
    asked = [
        data["__interrupt__"] for event, data in said if event in ("updates", "values") and "__interrupt__" in data
    ]
    assert [each[0]["value"] for each in asked] == [{"question": "Send 'it'?"}]


async def test_a_failure_is_told_in_the_stream_and_in_what_is_waited_for(client: LangGraphClient) -> None:
    thread = await client.threads.create()
    said = await parts(client.runs.stream(thread["thread_id"], "failing", input={"text": "x"}))
    assert said[-1] == ("error", {"error": "ValueError", "message": "no good: x"})
    left = await client.runs.wait(thread["thread_id"], "failing", input={"text": "y"}, raise_error=False)
    assert left == {"__error__": {"error": "ValueError", "message": "no good: y"}}
    [run, _] = await client.runs.list(thread["thread_id"])
    assert run["status"] == "error"
    kept = await client.threads.get(thread["thread_id"])
    assert kept["status"] == "error"
    assert kept["values"] == {"text": "y", "said": ["after", "after"]}


async def test_a_run_in_the_background_is_joined(client: LangGraphClient) -> None:
    thread = await client.threads.create()
    run = await client.runs.create(thread["thread_id"], "slow", input={"text": "0.2"})
    assert run["status"] == "pending"
    assert await client.runs.join(thread["thread_id"], run["run_id"]) == {"text": "0.2", "said": ["after", "waited"]}
    again = await client.runs.join(thread["thread_id"], run["run_id"])
    assert again == {"text": "0.2", "said": ["after", "waited"]}
    assert (await client.runs.get(thread["thread_id"], run["run_id"]))["status"] == "success"


async def test_a_stream_is_joined_from_its_beginning_or_after_an_event(client: LangGraphClient) -> None:
    thread = await client.threads.create()
    run = await client.runs.create(
        thread["thread_id"], "slow", input={"text": "0.2"}, stream_mode=["updates", "values"], stream_resumable=True
    )
    place = (thread["thread_id"], run["run_id"])
    whole = [part async for part in client.runs.join_stream(*place, last_event_id="-1")]
    assert [part.event for part in whole] == ["metadata", "values", "updates", "values", "updates", "values"]
    assert [part.id for part in whole] == ["1", "2", "3", "4", "5", "6"]
    rest = [part async for part in client.runs.join_stream(*place, last_event_id="4")]
    assert rest == whole[4:]
    updates = [part async for part in client.runs.join_stream(*place, last_event_id="-1", stream_mode="updates")]
    assert [part.event for part in updates] == ["metadata", "updates", "updates"]


async def test_a_stream_joined_without_a_number_begins_now(client: LangGraphClient, served: Served) -> None:
    thread = await client.threads.create()
    run = await client.runs.create(thread["thread_id"], "slow", input={"text": "0.5"}, stream_mode="updates")
    log = await served.gateway.desk.log(served.gateway.desk.get(run["run_id"], None, "default"))
    async for said in log.read():
        if said is not None and said.event == "updates":
            break
    late = await parts(client.runs.join_stream(thread["thread_id"], run["run_id"]))
    assert late == [("updates", {"wait": {"said": ["waited"]}})]


async def test_a_run_is_cancelled(client: LangGraphClient) -> None:
    thread = await client.threads.create()
    run = await client.runs.create(thread["thread_id"], "slow", input={"text": "60"})
    await client.runs.cancel(thread["thread_id"], run["run_id"], wait=True)
    assert (await client.runs.get(thread["thread_id"], run["run_id"]))["status"] == "interrupted"
    assert (await client.threads.get(thread["thread_id"]))["status"] in ("interrupted", "idle")
    with pytest.raises(ConflictError, match="has ended"):
        await client.runs.cancel(thread["thread_id"], run["run_id"])


async def test_a_run_that_is_rolled_back_leaves_nothing(client: LangGraphClient) -> None:
    thread = await client.threads.create()
    before = await client.runs.wait(thread["thread_id"], "slow", input={"text": "0"})
    run = await client.runs.create(thread["thread_id"], "slow", input={"text": "60"}, stream_mode="updates")
    async for part in client.runs.join_stream(thread["thread_id"], run["run_id"], last_event_id="-1"):
        if part.event == "updates":
            break
    await client.runs.cancel(thread["thread_id"], run["run_id"], wait=True, action="rollback")
    assert (await client.threads.get_state(thread["thread_id"]))["values"] == before
    assert (await client.threads.get(thread["thread_id"]))["values"] == before
    with pytest.raises(NotFoundError):
        await client.runs.get(thread["thread_id"], run["run_id"])


async def test_a_client_that_leaves_cancels_its_run_when_it_said_so(client: LangGraphClient) -> None:
    thread = await client.threads.create()
    stream = client.runs.stream(
        thread["thread_id"], "slow", input={"text": "60"}, stream_mode="updates", on_disconnect="cancel"
    )
    async for part in stream:
        if part.event == "updates":
            break
    await stream.aclose()
    [run] = await client.runs.list(thread["thread_id"])
    await client.runs.join(thread["thread_id"], run["run_id"])
    assert (await client.runs.get(thread["thread_id"], run["run_id"]))["status"] == "interrupted"


async def test_a_wait_shows_signs_of_life(http: httpx.AsyncClient) -> None:
    body = {"assistant_id": "slow", "input": {"text": "0.7"}}
    answer = await http.post("/runs/wait", json=body)
    assert answer.content.startswith(b"\n\n")
    assert answer.json()["said"] == ["after", "waited"]


async def test_a_quiet_stream_shows_signs_of_life_and_names_its_places(http: httpx.AsyncClient) -> None:
    body = {"assistant_id": "slow", "input": {"text": "0.7"}, "stream_mode": "custom"}
    async with http.stream("POST", "/runs/stream", json=body) as answer:
        text = (await answer.aread()).decode()
    assert text.startswith("event: metadata\ndata: {")
    assert ": heartbeat\n\n" in text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["location"] == answer.headers["content-location"] + "/stream"


async def test_the_same_key_is_the_same_run(http: httpx.AsyncClient, client: LangGraphClient) -> None:
    thread = await client.threads.create()
    path, body = f"/threads/{thread['thread_id']}/runs", {"assistant_id": "echo", "input": {"text": "once"}}
    answers = [await http.post(path, json=body, headers={"Idempotency-Key": "order-17"}) for _ in range(3)]
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    waited = await http.post(f"{path}/wait", json=body, headers={"Idempotency-Key": "order-17"})
    assert waited.json()["said"] == ["echo: once"]


async def test_the_same_key_is_the_same_run_where_the_run_has_no_thread_of_its_own(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    """The answer may be lost after the run has ended: asking again must not do it again."""
    body = {"assistant_id": "counting", "input": {"file": str(tmp_path / "file")}}
    answers = [
        await http.post("/runs/wait", json=body, headers={"Idempotency-Key": "order-17"}, timeout=60) for _ in range(2)
    ]
    assert [answer.json()["done"] for answer in answers] == [["one", "two", "three"]] * 2
    assert (tmp_path / "file").read_text().count("begin one") == 1


async def test_a_graph_made_by_a_function_gets_the_runs_config(client: LangGraphClient) -> None:
    assert (await client.runs.wait(None, "made", input={"text": "a"}))["said"] == ["from langgraph.json: a"]
    config = {"configurable": {"word": "mine"}}
    assert (await client.runs.wait(None, "made", input={"text": "a"}, config=config))["said"] == ["mine: a"]


async def test_what_cannot_be_is_refused_with_a_reason(client: LangGraphClient, http: httpx.AsyncClient) -> None:
    with pytest.raises(UnprocessableEntityError, match="No graph and no workflow 'nothing' is served"):
        await client.runs.create(None, "nothing", input={})
    with pytest.raises(NotFoundError, match="There is no assistant"):
        await client.runs.create(None, "5d0c1b9e-0000-4000-8000-000000000000", input={})
    with pytest.raises(NotFoundError, match="There is no thread"):
        await client.runs.create("5d0c1b9e-0000-4000-8000-000000000000", "echo", input={})
    made = await client.runs.wait(
        "5d0c1b9e-0000-4000-8000-000000000001", "echo", input={"text": "a"}, if_not_exists="create"
    )
    assert made["said"] == ["echo: a"]
    odd = await http.post("/runs", json={"assistant_id": "echo", "multitask_strategy": "shout"})
    assert odd.status_code == 422
    assert odd.json()["detail"].startswith("body.multitask_strategy: Input should be 'reject'")
    bad = await http.post("/runs", content=b'{"assistant_id": ')
    assert bad.status_code == 422
    for modes in ("shout", ["values", "shout"]):
        deaf = await http.post("/runs/stream", json={"assistant_id": "echo", "stream_mode": modes})
        assert deaf.status_code == 422
        assert "there is no stream mode 'shout'; there are values, updates," in deaf.json()["detail"]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("http://localhost:9/x", "webhook_blocked"),
        ("http://me.localhost/x", "webhook_blocked"),
        ("http://[::ffff:127.0.0.1]/x", "webhook_blocked"),
        ("http://169.254.169.254/latest", "webhook_blocked"),
        ("https://ann:secret@hooks.example/x", "webhook_invalid"),
        ("/only/a/path", "webhook_invalid"),
    ],
)
async def test_a_webhook_that_would_never_be_called_is_refused_at_once(
    http: httpx.AsyncClient, address: str, code: str
) -> None:
    wanted = {"assistant_id": "echo", "input": {"text": "a"}, "webhook": address}
    for path, more in (("/runs", {}), ("/runs/crons", {"schedule": "0 0 1 1 *"})):
        refused = await http.post(path, json={**wanted, **more})
        assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_a_run_from_a_checkpoint_that_is_not_there_is_refused_and_changes_nothing(
    client: LangGraphClient,
) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "echo", input={"text": "a"})
    nowhere: list[dict[str, Any]] = [
        {"checkpoint_id": "1f000000-0000-6000-8000-000000000000"},
        {"checkpoint": {"checkpoint_ns": "", "checkpoint_id": "1f000000-0000-6000-8000-000000000000"}},
        {"config": {"configurable": {"checkpoint_id": ["nowhere"]}}},
    ]
    for named in nowhere:
        with pytest.raises(NotFoundError, match="has no checkpoint"):
            await client.runs.create(thread, "echo", input={"text": "b"}, **named)
    assert (await client.threads.get_state(thread))["values"] == {"text": "a", "said": ["echo: a"]}
    [first] = await client.threads.get_history(thread, limit=1)
    left = await client.runs.wait(thread, "echo", input={"text": "b"}, checkpoint=first["checkpoint"])
    assert left["said"] == ["echo: a", "echo: b"]


async def test_many_run_at_once_on_threads_of_their_own(client: LangGraphClient) -> None:
    texts = [str(number) for number in range(30)]
    left = await asyncio.gather(*(client.runs.wait(None, "echo", input={"text": text}) for text in texts))
    assert [each["said"] for each in left] == [[f"echo: {text}"] for text in texts]


async def test_a_run_without_a_thread_takes_it_away_with_it(client: LangGraphClient) -> None:
    run = await client.runs.create(None, "slow", input={"text": "0.1"}, on_completion="keep")
    await client.runs.join(run["thread_id"], run["run_id"])
    assert (await client.threads.get(run["thread_id"]))["values"]["said"] == ["after", "waited"]
    await client.runs.wait(None, "echo", input={"text": "gone"})
    never = await client.runs.create(None, "echo", input={"text": "never"}, after_seconds=3600)
    await client.runs.cancel(never["thread_id"], never["run_id"])
    assert [thread["thread_id"] for thread in await client.threads.search()] == [run["thread_id"]]
