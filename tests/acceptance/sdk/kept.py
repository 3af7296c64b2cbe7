"""wire.md, section 1: the store, and crons."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError, UnprocessableEntityError

from tests.acceptance.sdk.registry import CRON, new_thread, proves, whole


@proves("store.put_item", "store.get_item", "store.delete_item")
async def item(client: LangGraphClient) -> None:
    space = ["users", uuid.uuid4().hex]
    await client.store.put_item(space, key="likes", value={"food": "pizza"}, index=False, ttl=60)
    found: Any = await client.store.get_item(space, "likes", refresh_ttl=True)
    assert {"namespace", "key", "value", "created_at", "updated_at"} <= set(found)
    assert (found["namespace"], found["key"], found["value"]) == (space, "likes", {"food": "pizza"})
    await client.store.delete_item(space, "likes")
    assert await client.store.get_item(space, "likes") is None


@proves("store.search_items", "store.list_namespaces")
async def items(client: LangGraphClient) -> None:
    root = uuid.uuid4().hex
    for number in range(3):
        await client.store.put_item([root, str(number)], key="k", value={"n": number})
    found: Any = await client.store.search_items([root], filter={"n": {"$gte": 1}}, limit=1, offset=1)
    assert [each["value"]["n"] for each in found["items"]] == [1]
    assert len((await client.store.search_items([root]))["items"]) == 3
    named: Any = await client.store.list_namespaces(prefix=[root], max_depth=2, limit=2, offset=1)
    assert named["namespaces"] == [[root, "1"], [root, "2"]]
    assert (await client.store.list_namespaces(prefix=[root], suffix=["2"]))["namespaces"] == [[root, "2"]]


@proves("crons.create", "crons.create_for_thread", "crons.search", "crons.count", "crons.update", "crons.delete")
async def crons(client: LangGraphClient) -> None:
    mark = {"mark": uuid.uuid4().hex}
    end = datetime.now(UTC) + timedelta(days=1)
    made = whole(
        await client.crons.create(
            "echo", schedule="0 9 * * 1-5", input={"text": "a"}, metadata=mark, timezone="Europe/Berlin", end_time=end
        ),
        CRON,
    )
    thread = await new_thread(client)
    other = whole(
        await client.crons.create_for_thread(thread, "echo", schedule="*/5 * * * *", metadata=mark, enabled=False), CRON
    )
    assert (other["thread_id"], other["enabled"]) == (thread, False)
    assert await client.crons.count(metadata=mark) == 2
    for wanted, expected in (({"thread_id": thread}, other), ({"enabled": True}, made)):
        found: Any = await client.crons.search(metadata=mark, **wanted)  # type: ignore[arg-type]
        assert [each["cron_id"] for each in found] == [expected["cron_id"]]
    page: Any = await client.crons.search(metadata=mark, limit=1, offset=1, sort_by="created_at", sort_order="asc")
    assert page[0]["cron_id"] == other["cron_id"]
    changed: Any = await client.crons.update(made["cron_id"], schedule="30 10 * * *", input={"text": "b"})
    assert (changed["schedule"], changed["payload"]["input"]) == ("30 10 * * *", {"text": "b"})
    await client.crons.delete(made["cron_id"])
    with pytest.raises(NotFoundError):
        await client.crons.delete(made["cron_id"])
    with pytest.raises(UnprocessableEntityError):
        await client.crons.create("echo", schedule="every day")


@proves("crons: what comes due runs")
async def due(client: LangGraphClient) -> None:
    thread = await new_thread(client)
    opened = await client.threads.join_stream(thread, stream_mode=["lifecycle"])
    made: Any = await client.crons.create_for_thread(thread, "echo", schedule="* * * * * *", input={"text": "tick"})
    async for part in opened:
        if part.event == "run_done":
            break
    await client.crons.delete(made["cron_id"])
    [*_, first] = await client.runs.list(thread)
    assert (first["metadata"]["cron_id"], first["status"]) == (made["cron_id"], "success")
