"""The pieces of the demo's last act are judged by what was kept, and a piece that goes wrong is told and counted."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.demo.players.company import Company, Seen, most_at_once
from api.demo.players.piece import Piece, Shown, verdict
from api.demo.players.show import failures
from api.demo.voice import Voice, voice_of
from graphs.budget import SPENT
from orchestrator.store.port import Record


def _company(**voice: Any) -> Company:
    """As much of one as a verdict looks at."""
    return cast(Company, SimpleNamespace(name="us", voice=Voice(**voice)))


def _piece(shown: Shown) -> Piece:
    async def play(company: Company) -> Shown:
        return shown

    return Piece("a piece", play)


def _seen(*models: str) -> Seen:
    records = [Record("e", SPENT, datetime.now(UTC), "ask[0].model", data={"model": model}) for model in models]
    return Seen(cast(Any, None), {}, records)


async def test_what_was_expected_and_is_not_so_is_wrong() -> None:
    judged = await verdict(_piece(Shown("it went", expected={"it ends": False, "it begins": True})), _company())
    assert (judged.text, judged.wrong) == ("it went", ("it ends",))
    assert failures({"us": [judged]}) == ["a piece, us: it ends"]


async def test_what_only_scripts_do_is_not_expected_of_a_real_model() -> None:
    shown = Shown("it went", of_scripts={"it errs first": False})
    assert (await verdict(_piece(shown), _company())).wrong == ("it errs first",)
    assert (await verdict(_piece(shown), _company(real="openai:mine"))).wrong == ()


@pytest.mark.capability("I27")
async def test_a_model_that_is_another_than_it_should_be_is_wrong() -> None:
    shown = Shown("it went", [_seen("scripted:clerk", "scripted:clerk")])
    judged = await verdict(_piece(shown), _company())
    assert (judged.calls, judged.wrong) == (2, ())
    judged = await verdict(_piece(shown), _company(provider="openai", url="http://127.0.0.1:1/v1"))
    assert judged.wrong == ("nobody else speaks than us: ['scripted:clerk']",)


@pytest.mark.parametrize("error", [KeyError("assess"), TimeoutError(), RuntimeError("gone")])
async def test_a_piece_that_does_not_get_through_is_wrong_and_stops_nobody(error: Exception) -> None:
    async def play(company: Company) -> Shown:
        raise error

    judged = await verdict(Piece("a piece", cast(Callable[[Company], Awaitable[Shown]], play)), _company())
    assert judged.text == "did not get through" and len(judged.wrong) == 1


def test_how_many_were_at_work_at_once_is_read_from_their_times() -> None:
    def result(began: int, ended: int) -> Any:
        at = [datetime(2026, 1, 1, 12, 0, second, tzinfo=UTC).isoformat() for second in (began, ended)]
        return {"status": "completed", "started_at": at[0], "ended_at": at[1]}

    assert most_at_once({"a": result(0, 5), "b": result(1, 3), "c": result(3, 6)}) == 2
    assert most_at_once({"a": result(0, 1), "b": result(1, 2)}) == 1
    assert most_at_once({}) == 0


def test_who_speaks_is_said_by_the_environment() -> None:
    assert voice_of({}).model("clerk") == "scripted:clerk"
    over_http = Voice(provider="openai", url="http://127.0.0.1:1/v1")
    assert voice_of(over_http.environment()) == over_http and over_http.model("clerk") == "openai:clerk"
    real = voice_of({"OPENAI_API_KEY": "sk", "OPENAI_MODEL": "mine", **over_http.environment()})
    assert real.model("clerk") == "openai:mine" and real.settings() is None
