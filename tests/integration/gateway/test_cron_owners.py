"""A cron is judged each time it is due: what its owner could not start any more, it does not start, and says why."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from tests.support import waiting
from tests.support.gateway.calls import publish
from tests.support.gateway.definitions import asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("O21", "I16")

EACH_SECOND = {"schedule": "* * * * * *", "input": {"text": "x"}, "on_run_completed": "keep"}


@pytest.fixture
async def editor(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(served.url, await make_key(served.gateway.orchestrator, "editor", name="ed")) as client:
        yield client


async def until(client: httpx.AsyncClient, holds: Callable[[Any], bool]) -> Any:
    """The one cron, when it is so."""
    async with asyncio.timeout(60):
        while True:
            [cron] = (await client.post("/runs/crons/search", json={})).json()
            if holds(cron):
                return cron
            await asyncio.sleep(0.05)


async def test_what_somebody_made_whose_key_is_revoked_starts_nothing_until_it_is_anothers(
    served: Served, editor: httpx.AsyncClient
) -> None:
    baton = served.gateway.orchestrator
    key = await make_key(baton, "operator", name="ann")
    async with caller(served.url, key) as ann:
        made = (await ann.post("/runs/crons", json={**EACH_SECOND, "assistant_id": "echo"})).json()
    assert (made["user_id"], made["last_failure"]) == ("ann", None)
    [kept] = [one for one in await baton.store.keys() if one.name == "ann"]
    await baton.store.revoke_key(kept.id, by="root")
    failed = await until(editor, lambda cron: cron["last_failure"] is not None)
    assert failed["last_failure"]["code"] == "owner_not_allowed"
    assert failed["last_failure"]["message"] == (
        "The cron belongs to 'ann', who may start nothing now: The key was revoked."
    )
    assert failed["enabled"] and failed["next_run_date"]
    changed = (await editor.patch(f"/runs/crons/{made['cron_id']}", json={"metadata": {"by": "ed"}})).json()
    assert changed["user_id"] == "ed"
    assert (await until(editor, lambda cron: cron["last_failure"] is None))["user_id"] == "ed"


async def test_a_workflow_that_is_offered_no_more_is_not_started(editor: httpx.AsyncClient) -> None:
    await publish(editor, workflow("w", asks()))
    made = await editor.post("/runs/crons", json={**EACH_SECOND, "assistant_id": "w"})
    assert made.status_code == 200, made.text
    await editor.post("/v1/workflows/w/versions/1.0/deprecate")
    failed = await until(editor, lambda cron: cron["last_failure"] is not None)
    assert failed["last_failure"]["code"] == "workflow_deprecated"
    await editor.post("/v1/workflows/w/versions/1.0/restore")
    await until(editor, lambda cron: cron["last_failure"] is None)


async def test_an_input_that_does_not_fit_is_refused_when_a_cron_is_made_or_changed(
    editor: httpx.AsyncClient,
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    await publish(editor, workflow("w", asks(), input={"schema": schema}))
    thread = (await editor.post("/threads", json={})).json()["thread_id"]
    cron = {"assistant_id": "w", "schedule": "0 0 1 1 *"}
    started = (await editor.post("/runs", json={"assistant_id": "w", "input": {"n": "many"}})).json()
    assert started["code"] == "input_invalid"
    for path in ("/runs/crons", f"/threads/{thread}/runs/crons"):
        refused = await editor.post(path, json={**cron, "input": {"n": "many"}})
        assert refused.status_code == 422
        assert refused.json() == {**started, "instance": path}
        assert (await editor.post(path, json=cron)).json()["code"] == "input_invalid"
    assert (await editor.post("/runs/crons/count", json={})).json() == 0
    made = (await editor.post("/runs/crons", json={**cron, "input": {"n": 1}})).json()
    where = f"/runs/crons/{made['cron_id']}"
    changed = await editor.patch(where, json={"input": {"n": None}})
    assert (changed.status_code, changed.json()["code"]) == (422, "input_invalid")
    assert (await editor.patch(where, json={"input": {"n": 2}})).json()["payload"]["input"] == {"n": 2}
    # One that fits no more can still be switched off.
    later = {**schema, "required": ["n", "m"]}
    await publish(editor, workflow("w", asks(), version="2.0", input={"schema": later}))
    assert (await editor.patch(where, json={"enabled": False})).json()["enabled"] is False


async def test_a_cron_that_shall_not_overlap_starts_nothing_while_what_it_started_waits_for_somebody(
    served: Served, editor: httpx.AsyncClient
) -> None:
    """The execution counts, not the run, which is over when it asks."""
    baton = served.gateway.orchestrator
    await publish(editor, workflow("w", asks()))
    body = {**EACH_SECOND, "assistant_id": "w", "input": {}, "multitask_strategy": "reject"}
    cron_id = (await editor.post("/runs/crons", json=body)).json()["cron_id"]

    async def threads() -> list[str]:
        found = (await editor.post("/threads/search", json={"metadata": {"cron_id": cron_id}})).json()
        return [thread["thread_id"] for thread in found]

    async def asked() -> bool:
        return any([await baton.waits(thread) for thread in await threads()])

    async def two() -> bool:
        return len(await threads()) == 2

    await waiting.until(asked, "what the cron started asks")
    before = (await until(editor, lambda cron: cron["last_failure"] is not None))["last_failure"]
    failed = await until(editor, lambda cron: (cron["last_failure"] or before)["due"] != before["due"])
    [thread] = await threads()
    assert failed["last_failure"]["code"] == "cron_goes_on"
    assert failed["last_failure"]["message"] == (
        f"Cron '{cron_id}' starts nothing beside thread '{thread}', which goes on."
    )
    [question] = await baton.waits(thread)
    await baton.decide(thread, question.path, "approve", by="ann")
    await waiting.until(two, "with that answered, the next one is started")
