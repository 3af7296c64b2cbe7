"""Ids that tenants choose carry a mark inside; nothing that a run says, in any mode, shows it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.ids import marked_id
from tests.support.gateway.listener import listening
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import GRAPHS, serving

pytestmark = pytest.mark.capability("O21")

MODES = ["values", "updates", "messages", "messages-tuple", "custom", "debug", "tasks", "checkpoints", "events"]


async def test_no_mode_of_a_stream_shows_a_marked_id(tmp_path: Path) -> None:
    async with (
        listening() as listener,
        serving(tmp_path / "baton.db", config=GRAPHS, webhook_networks=("127.0.0.0/8",)) as served,
        caller(served.url, await make_key(served.gateway.orchestrator, "admin", tenant="acme")) as client,
    ):
        await client.post("/threads", json={"thread_id": "t"})
        said: list[httpx.Response] = []

        async def asks_for(verb: str, path: str, **given: Any) -> None:
            said.append(await client.request(verb, path, **given))
            assert said[-1].is_success, said[-1].text

        for graph, text in (("nested", "it"), ("chat", "hello")):
            for modes in (MODES, [mode for mode in MODES if mode != "events"]):
                body = {
                    "assistant_id": graph,
                    "input": {"text": text} if graph == "nested" else {"messages": [{"role": "user", "content": text}]},
                    "stream_mode": modes,
                    "stream_subgraphs": True,
                    "stream_resumable": True,
                    "multitask_strategy": "rollback",
                    "webhook": listener.url,
                }
                await asks_for("POST", "/threads/t/runs/stream", json=body)
        run = (await client.get("/threads/t/runs")).json()[0]["run_id"]
        for path in ("", "/state?subgraphs=true", "/history", "/runs", f"/runs/{run}", f"/runs/{run}/stream"):
            headers = {"last-event-id": "-1"} if path.endswith("/stream") else {}
            await asks_for("GET", f"/threads/t{path}", headers=headers)
        await listener.until(4)
        mark = marked_id("t", "acme")
        places = [(one.request.method, one.request.url.path, _around(one.text, mark)) for one in said]
        places += [("webhook", "", _around(body.decode(), mark)) for _, body in listener.heard]
        assert [one for one in places if one[2]] == []


def _around(text: str, mark: str) -> list[str]:
    return [text[max(0, at - 60) : at + 30] for at in range(len(text)) if text.startswith(mark, at)]
