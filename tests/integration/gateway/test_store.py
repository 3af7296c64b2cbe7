"""The store through langgraph-sdk, and from the nodes of graphs."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import UnprocessableEntityError

from graphs.clock import ManualClock
from orchestrator.serving.items import ItemStore
from orchestrator.store.sqlite import SqliteStore
from tests.support.gateway.people import make_key
from tests.support.gateway.serving import Served


async def test_an_item_is_kept_changed_and_deleted(client: LangGraphClient) -> None:
    await client.store.put_item(["users", "ann"], key="likes", value={"food": "pizza"})
    first: Any = await client.store.get_item(["users", "ann"], "likes")
    assert (first["namespace"], first["key"], first["value"]) == (["users", "ann"], "likes", {"food": "pizza"})
    await client.store.put_item(["users", "ann"], key="likes", value={"food": "pasta"})
    second: Any = await client.store.get_item(["users", "ann"], "likes")
    assert second["value"] == {"food": "pasta"}
    assert second["created_at"] == first["created_at"]
    assert second["updated_at"] > first["updated_at"]
    await client.store.delete_item(["users", "ann"], "likes")
    assert await client.store.get_item(["users", "ann"], "likes") is None


async def test_items_are_searched_below_a_namespace(client: LangGraphClient) -> None:
    for number in range(5):
        await client.store.put_item(["docs", str(number)], key="k", value={"n": number, "even": number % 2 == 0})
    await client.store.put_item(["docs2"], key="k", value={"n": 9})
    found: Any = await client.store.search_items(["docs"])
    assert [item["value"]["n"] for item in found["items"]] == [4, 3, 2, 1, 0]
    found = await client.store.search_items(["docs"], limit=2, offset=1)
    assert [item["value"]["n"] for item in found["items"]] == [3, 2]
    found = await client.store.search_items(["docs"], filter={"even": True, "n": {"$gt": 0}})
    assert [item["value"]["n"] for item in found["items"]] == [4, 2]
    assert (await client.store.search_items(["docs", "3"]))["items"][0]["value"]["n"] == 3
    assert len((await client.store.search_items([]))["items"]) == 6
    with pytest.raises(UnprocessableEntityError, match="no comparison"):
        await client.store.search_items(["docs"], filter={"n": {"$where": "1"}})


@pytest.mark.parametrize("name", ['a"],"b', "%", "_", "') OR 1=1 --", "ü", "a\\b"])
async def test_strange_names_are_only_names(client: LangGraphClient, name: str) -> None:
    await client.store.put_item([name], key=name, value={name: 1})
    await client.store.put_item(["other"], key="k", value={"x": 1})
    assert (await client.store.get_item([name], name))["value"] == {name: 1}
    assert len((await client.store.search_items([name], filter={name: 1}))["items"]) == 1


async def test_namespaces_are_listed(client: LangGraphClient) -> None:
    for namespace in (["a", "x", "1"], ["a", "y", "1"], ["b", "x", "2"]):
        await client.store.put_item(namespace, key="k", value={})
    listed: Any = await client.store.list_namespaces()
    assert listed["namespaces"] == [["a", "x", "1"], ["a", "y", "1"], ["b", "x", "2"]]
    assert (await client.store.list_namespaces(prefix=["a"], max_depth=1))["namespaces"] == [["a"]]  # type: ignore[comparison-overlap]
    listed = await client.store.list_namespaces(suffix=["1"], limit=1, offset=1)
    assert listed["namespaces"] == [["a", "y", "1"]]
    assert len((await client.store.list_namespaces(prefix=["*", "x"]))["namespaces"]) == 2


@pytest.mark.parametrize(
    ("namespace", "why"), [(["a.b"], "holds a dot"), ([], "needs a namespace"), (["langgraph", "x"], "LangGraph's own")]
)
async def test_names_that_cannot_be_are_refused(http: httpx.AsyncClient, namespace: list[str], why: str) -> None:
    answer = await http.put("/store/items", json={"namespace": namespace, "key": "k", "value": {}})
    assert answer.status_code == 422
    assert why in answer.json()["detail"]


async def test_a_namespace_with_a_nul_in_a_query_is_refused_too(http: httpx.AsyncClient) -> None:
    answer = await http.get("/store/items", params={"namespace": "users.\x00", "key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (422, "namespace_invalid")


async def test_an_item_is_gone_when_its_time_is_over_and_reading_renews_it(tmp_path: Any) -> None:
    clock = ManualClock()
    async with SqliteStore.open(tmp_path / "baton.db", clock=clock, synchronous="off") as kept:
        store = ItemStore(kept, "default")
        await store.aput(("a",), "k", {"v": 1}, ttl=10)
        clock.advance(timedelta(minutes=9).total_seconds())
        assert await store.aget(("a",), "k") is not None
        clock.advance(timedelta(minutes=9).total_seconds())
        assert await store.aget(("a",), "k", refresh_ttl=False) is not None
        clock.advance(timedelta(minutes=2).total_seconds())
        assert await store.aget(("a",), "k") is None
        assert await store.asearch(("a",)) == []


async def test_nodes_and_clients_share_it(client: LangGraphClient) -> None:
    await client.store.put_item(["memory"], key="name", value={"is": "Ada"})
    for graph in ("remembering", "remembering_in_thread"):
        left: Any = await client.runs.wait(None, graph, input={"text": "x"})
        assert left["said"] == ["Ada"]
    assert (await client.store.get_item(["memory"], "seen"))["value"] == {"text": "x"}


async def test_tenants_do_not_see_each_others(served: Served) -> None:
    baton = served.gateway.orchestrator
    one = get_client(url=served.url, api_key=await make_key(baton, "admin", tenant="one"))
    other = get_client(url=served.url, api_key=await make_key(baton, "admin", tenant="other"))
    await one.store.put_item(["memory"], key="name", value={"is": "Ada"})
    await other.store.put_item(["memory"], key="name", value={"is": "Bob"})
    for client, name in ((one, "Ada"), (other, "Bob")):
        left: Any = await client.runs.wait(None, "remembering", input={"text": "x"})
        assert left["said"] == [name]
        assert len((await client.store.search_items([]))["items"]) == 2
        await client.aclose()
