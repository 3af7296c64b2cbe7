"""The `auth` key of a langgraph.json: a team's own handlers let people in, and narrow what they see."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import AuthenticationError, ConflictError, NotFoundError, PermissionDeniedError

from api.serve import team_of
from graphs.errors import SettingsError
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import GRAPHS, Served, serving

pytestmark = pytest.mark.capability("O21")
People = Callable[[str], LangGraphClient]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path / "baton.db", config=GRAPHS.with_name("langgraph.auth.json")) as gateway:
        yield gateway


@pytest.fixture
async def people(served: Served) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        made: dict[str, Any] = {}
        for name in ("ann", "ben", "nobody"):
            headers = {"Authorization": f"Bearer {name}"}
            made[name] = await stack.enter_async_context(get_client(url=served.url, api_key=None, headers=headers))
        yield made.__getitem__


async def test_whoever_is_not_known_is_told_in_the_teams_words(people: People, served: Served) -> None:
    with pytest.raises(AuthenticationError, match="Nobody knows who asks for /threads/search"):
        await people("nobody").threads.search()
    async with caller(served.url) as http:
        assert (await http.get("/ok")).status_code == 200
        assert (await http.get("/v1/executions")).status_code == 401


async def test_threads_are_their_makers_and_to_others_they_do_not_exist(people: People) -> None:
    ann, ben = people("ann"), people("ben")
    thread = await ann.threads.create(metadata={"topic": "x"})
    thread_id = thread["thread_id"]
    assert thread["metadata"] == {"topic": "x", "owner": "ann"}
    await ann.runs.wait(thread_id, "echo", input={"text": "a"})
    assert [one["thread_id"] for one in await ann.threads.search()] == [thread_id]
    assert await ben.threads.search() == []
    assert await ben.threads.count() == 0
    for act in (
        lambda: ben.threads.get(thread_id),
        lambda: ben.threads.get_state(thread_id),
        lambda: ben.threads.get_history(thread_id),
        lambda: ben.threads.update(thread_id, metadata={"owner": "ben"}),
        lambda: ben.threads.update_state(thread_id, {"text": "b"}),
        lambda: ben.runs.create(thread_id, "echo", input={"text": "b"}),
        lambda: ben.runs.list(thread_id),
    ):
        with pytest.raises(NotFoundError):
            await act()
    with pytest.raises(ConflictError):
        await ben.threads.create(thread_id=thread_id, if_exists="do_nothing")
    assert (await ann.threads.get_state(thread_id))["values"]["said"] == ["echo: a"]


async def test_a_thread_that_a_run_makes_is_its_makers_too(people: People) -> None:
    ann, ben = people("ann"), people("ben")
    await ann.runs.wait("t-1", "ask", input={"text": "a"}, if_not_exists="create")
    assert (await ann.threads.get("t-1"))["metadata"]["owner"] == "ann"
    with pytest.raises(NotFoundError):
        await ben.runs.create("t-1", "ask", command={"resume": "yes"})
    done: Any = await ann.runs.wait("t-1", "ask", command={"resume": "yes"})
    assert done["said"] == ["answered: yes", "after"]


async def test_what_a_handler_refuses_is_refused(people: People) -> None:
    ann, ben = people("ann"), people("ben")
    own = (await ben.threads.create())["thread_id"]
    with pytest.raises(PermissionDeniedError):
        await ben.threads.delete(own)
    theirs = (await ann.threads.create())["thread_id"]
    await ann.threads.delete(theirs)
    with pytest.raises(NotFoundError):
        await ann.threads.delete(own)
    with pytest.raises(PermissionDeniedError):
        await ann.runs.cancel_many(status="all")


async def test_searches_see_what_conditions_on_lists_let_them(people: People) -> None:
    ann, ben = people("ann"), people("ben")
    await ann.assistants.create("echo", name="shared", metadata={"members": ["ann", "ben"]})
    await ann.assistants.create("echo", name="own", metadata={"members": ["ann"]})
    assert {one["name"] for one in await ann.assistants.search()} == {"shared", "own"}
    assert {one["name"] for one in await ben.assistants.search()} == {"shared"}
    assert (await ben.assistants.get("echo"))["graph_id"] == "echo"


async def test_items_are_kept_where_the_handler_says(people: People, served: Served) -> None:
    ann, ben = people("ann"), people("ben")
    await ann.store.put_item(["notes"], "k", {"x": 1})
    assert (await ann.store.get_item(["notes"], "k"))["namespace"] == ["ann", "notes"]
    assert await ben.store.get_item(["notes"], "k") is None
    assert (await ben.store.search_items([]))["items"] == []
    assert [item["key"] for item in (await ann.store.search_items(["notes"]))["items"]] == ["k"]
    assert (await ann.store.list_namespaces())["namespaces"] == [["ann", "notes"]]


async def test_crons_and_runs_know_whose_they_are(people: People) -> None:
    ann, ben = people("ann"), people("ben")
    cron: Any = await ann.crons.create("echo", schedule="0 0 1 1 *", input={"text": "x"})
    assert cron["metadata"]["owner"] == "ann"
    assert await ben.crons.search() == []
    with pytest.raises(NotFoundError):
        await ben.crons.delete(cron["cron_id"])
    thread = (await ann.threads.create())["thread_id"]
    with pytest.raises(NotFoundError):
        await ben.crons.create_for_thread(thread, "echo", schedule="0 0 1 1 *", input={"text": "on her thread"})
    on_her_own: Any = await ann.crons.create_for_thread(thread, "echo", schedule="0 0 1 1 *", input={"text": "x"})
    assert on_her_own["thread_id"] == thread
    said: Any = await ann.runs.wait(None, "who", input={"name": ""})
    assert said["name"] == "ann"
    # What else the team's code knows of her may be a secret, and is not kept with her runs.
    assert set(said["user"]) == {"identity", "display_name", "is_authenticated", "permissions"}


async def test_beyond_langgraphs_paths_a_user_has_the_rights_their_permissions_name(
    people: People, served: Served
) -> None:
    key = await make_key(served.gateway.orchestrator, "admin")
    async with caller(served.url, key) as admin:
        assert (await admin.get("/v1/executions")).status_code == 200
        assert (await admin.post("/threads/search", json={})).status_code == 200
    async with caller(served.url) as http:
        for name, status in (("eve", 200), ("ben", 403)):
            answer = await http.get("/v1/executions", headers={"Authorization": f"Bearer {name}"})
            assert answer.status_code == status, name


def test_what_cannot_be_auth_is_said_at_the_start(tmp_path: Path) -> None:
    config = tmp_path / "langgraph.json"
    (tmp_path / "own_auth.py").write_text("from langgraph_sdk import Auth\nempty = Auth()\nother = 3\n")
    for given, words in (
        ("x", "has an 'auth' without a path"),
        ({"path": "./own_auth.py:gone"}, "cannot be loaded"),
        ({"path": "./own_auth.py:other"}, "not a langgraph_sdk.Auth"),
        ({"path": "./own_auth.py:empty"}, "would let nobody in"),
    ):
        config.write_text(httpx.Request("POST", "http://x", json={"graphs": {}, "auth": given}).content.decode())
        with pytest.raises(SettingsError, match=words):
            team_of(config)
