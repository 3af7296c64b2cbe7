"""Alerts reach their sinks: each once, in order, also after a sink could not be reached or the process was gone."""

import asyncio
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import SettingsError
from orchestrator.alerts.port import Alert, AlertError, AlertSink
from orchestrator.alerts.settings import AlertSettings
from orchestrator.settings import read_settings
from orchestrator.webhooks.signing import Secret, new_secret, verified
from tests.support.engine.engines import act, engine, rings_in, run, until, workflow

BAD = workflow("w", [act("bad", fail=True, category="logic")])
FINE = workflow("w", [act("bad", fail=True, category="transient")])


class Pager(AlertSink):
    """An application's own sink, which may be out of order."""

    name = "pager"

    def __init__(self) -> None:
        self.told: list[Alert] = []
        self.broken = False

    async def tell(self, alert: Alert) -> None:
        if self.broken:
            raise AlertError("nobody answers")
        self.told.append(alert)


class Receiver:
    """Somebody who is sent messages, over HTTP."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        received = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                received.messages.append(({key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(received.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Any:
    made = Receiver()
    yield made
    made.close()


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.capability("E24")
async def test_a_file_and_an_address_are_told_of_what_people_should_know(
    database: Path, tmp_path: Path, receiver: Receiver
) -> None:
    """And of nothing else. The message is signed, and has the alert's number as its name."""
    secret, file = new_secret(), tmp_path / "alerts.jsonl"
    alerts = AlertSettings.model_validate({"file": file, "webhook": {"url": receiver.url, "secret": secret}})
    async with engine(database, alerts=alerts) as baton:
        await run(baton, FINE)
        execution = await run(baton, BAD)
    [told] = _lines(file)
    assert (told["execution_id"], told["level"], told["escalated"], told["category"], told["step"]) == (
        execution.id,
        "error",
        True,
        "logic",
        "bad",
    )
    [(headers, body)] = receiver.messages
    assert json.loads(body)["type"] == "alert.raised" and json.loads(body)["data"] == told
    assert verified([Secret(secret)], headers, body, baton.clock.now()).id == f"alert_{told['id']}"


@pytest.mark.capability("E24")
async def test_a_sink_that_cannot_be_told_is_told_later_and_holds_up_nobody_else(
    database: Path, tmp_path: Path
) -> None:
    """In their order, each once."""
    clock, pager, file = ManualClock(), Pager(), tmp_path / "alerts.jsonl"
    pager.broken = True
    alerts = AlertSettings(file=file)
    async with engine(database, clock=clock, alerts=alerts, resources=[pager]) as baton:
        ids = [(await run(baton, BAD)).id for _ in range(3)]
        await until(rings_in(clock, 5))
        await until(lambda: len(_lines(file)) == 3)
        assert pager.told == []
        pager.broken = False
        clock.advance(5)
        await until(lambda: len(pager.told) == 3)
        assert [alert.execution_id for alert in pager.told] == ids


@pytest.mark.capability("E24")
async def test_what_was_not_told_is_told_by_the_next_process(database: Path) -> None:
    """A sink that is new is not told of what was before it."""
    pager, late = Pager(), Pager()
    late.name = "late"
    pager.broken = True
    async with engine(database, resources=[pager]) as baton:
        execution = await run(baton, BAD)
    pager.broken = False
    async with engine(database, resources=[pager, late]):
        await until(lambda: len(pager.told) == 1)
    async with engine(database, resources=[pager, late]) as baton:
        assert [alert.execution_id for alert in pager.told] == [execution.id] and late.told == []


@pytest.mark.capability("E24")
async def test_an_address_that_refuses_is_tried_again(database: Path, receiver: Receiver) -> None:
    receiver.status = 500
    clock = ManualClock()
    alerts = AlertSettings.model_validate({"webhook": receiver.url, "log": False})
    async with engine(database, clock=clock, alerts=alerts) as baton:
        await run(baton, BAD)
        await until(rings_in(clock, 5))
        receiver.status = 200
        clock.advance(5)
        await until(_count(receiver, 2))
    assert len({(headers["content-type"], body) for headers, body in receiver.messages}) == 1


def _count(receiver: Receiver, number: int) -> Callable[[], bool]:
    return lambda: len(receiver.messages) >= number


@pytest.mark.capability("E24", "I25")
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"webhook": "alerts.internal"}', "BATON_ALERTS, webhook.url: it is a full URL"),
        ('{"fiel": "x"}', "BATON_ALERTS"),
        ("{", "BATON_ALERTS: it is not JSON"),
    ],
)
def test_settings_of_alerts_say_what_is_wrong(value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_ALERTS", value)
    with pytest.raises(SettingsError, match=said):
        read_settings()


@pytest.mark.capability("E24")
async def test_who_leaves_at_once_leaves_nobody_behind_who_tells(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cancelled while the last alerts are told, the engine still waits for those who tell: a file that is closed under
    them would look like a broken sink."""
    pager = Pager()
    told = asyncio.Event()

    async def slow(alert: Alert) -> None:
        told.set()
        await asyncio.Event().wait()

    pager.tell = slow  # type: ignore[method-assign]

    async def live() -> None:
        async with engine(database, resources=[pager]) as baton:
            await run(baton, BAD)
            await told.wait()

    life = asyncio.create_task(live())
    await told.wait()
    for _ in range(20):  # it has left the block, and waits for the pager
        await asyncio.sleep(0)
    before = asyncio.all_tasks()
    life.cancel()
    await asyncio.wait([life])
    assert [task.get_name() for task in asyncio.all_tasks() & before if task.get_name().startswith("alerts")] == []
    assert "alert.broken" not in capsys.readouterr().err
