"""Several questions at once of a user's own graph: an answer that does not say which it is for answers none of them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import LangGraphClient

from tests.support.gateway.serving import Served

pytestmark = pytest.mark.capability("I21")

Wait = Callable[..., Any]


@pytest.fixture(params=["awaited", "blocking"])
def wait(request: pytest.FixtureRequest, client: LangGraphClient, served: Served) -> Wait:
    """`runs.wait` of either client."""
    if request.param == "awaited":
        return client.runs.wait

    async def blocking(*args: Any, **more: Any) -> Any:
        def call() -> Any:
            with get_sync_client(url=served.url, api_key=None) as sdk:
                return sdk.runs.wait(*args, **more)

        return await asyncio.to_thread(call)

    return blocking


async def asked(wait: Wait, thread: str) -> dict[str, str]:
    """What is asked, by id."""
    left = await wait(thread, "ask_both", input={"text": "it"}, if_not_exists="create")
    return {each["id"]: each["value"] for each in left["__interrupt__"]}


@pytest.mark.parametrize("answer", ["yes", {"decision": "approve"}, ["yes"], {"0" * 31: 1}])
async def test_an_answer_without_an_id_fails_in_langgraphs_words_and_nothing_is_answered(
    wait: Wait, client: LangGraphClient, answer: Any
) -> None:
    ids = await asked(wait, "t")
    said = await wait("t", "ask_both", command={"resume": answer}, raise_error=False)
    assert "must specify the interrupt id" in said["__error__"]["message"]
    thread = await client.threads.get("t")
    still = {each["id"]: each["value"] for group in thread["interrupts"].values() for each in group}
    assert still == ids
    done = await wait("t", "ask_both", command={"resume": {key: value.upper() for key, value in ids.items()}})
    assert sorted(done["said"]) == ["left: LEFT?", "right: RIGHT?"]


async def test_answers_by_id_answer_what_they_name_one_after_the_other_and_both_at_once(wait: Wait) -> None:
    ids = await asked(wait, "t")
    one, other = ids
    left = await wait("t", "ask_both", command={"resume": {other: "second first"}})
    assert [each["id"] for each in left["__interrupt__"]] == [one]
    done = await wait("t", "ask_both", command={"resume": "now only one is asked"})
    expected = {ids[one]: "now only one is asked", ids[other]: "second first"}
    assert sorted(done["said"]) == sorted(f"{asked[:-1]}: {said}" for asked, said in expected.items())
