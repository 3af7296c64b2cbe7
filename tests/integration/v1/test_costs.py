"""What models cost, where executions are listed and shown."""

from pathlib import Path

import pytest

from tests.support.gateway.agents import CLERK, TALKERS
from tests.support.gateway.calls import publish, start
from tests.support.gateway.definitions import announces, workflow
from tests.support.gateway.people import caller
from tests.support.gateway.serving import serving


@pytest.mark.capability("I09", "O06")
async def test_executions_say_what_their_models_have_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_PRICES", '{"scripted:clerk": {"input": 1000000, "output": 2000000}}')
    async with (
        serving(tmp_path / "baton.db", modules=(TALKERS,)) as served,
        caller(served.url) as client,
    ):
        await publish(client, CLERK)
        await publish(client, workflow("plain", announces("a", "x")))
        talk = (await start(client, workflow="clerk", input={"message": "Where is my order?"}))["id"]
        plain = (await start(client, workflow="plain"))["id"]
        for each in (talk, plain):
            await served.gateway.orchestrator.wait(each)
        shown = (await client.get(f"/v1/executions/{talk}")).json()
        [usage] = shown["usage"]
        assert (usage["step"], usage["model"], usage["calls"]) == ("agent", "scripted:clerk", 2)
        assert usage["cost"] == usage["input_tokens"] + 2 * usage["output_tokens"] > 0
        assert (
            shown["cost"]["execution"][""]["cost"] == shown["cost"]["model"]["scripted:clerk"]["cost"] == usage["cost"]
        )
        listed = {one["id"]: one["usage"] for one in (await client.get("/v1/executions")).json()["executions"]}
        assert listed[talk] == shown["cost"]["execution"][""]
        assert (listed[plain]["calls"], listed[plain]["cost"]) == (0, 0)
