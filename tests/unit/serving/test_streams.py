"""What runs say: numbered, bounded, told to everybody at their own pace."""

import asyncio

from orchestrator.serving.streams import RunLog, Said, Streams


async def heard(log: RunLog, after: int = 0) -> list[tuple[int, str]]:
    """Everything a listener gets until the log is closed."""
    return [(said.seq, said.event) async for said in log.read(after) if said is not None]


async def test_a_listener_gets_what_was_said_and_what_will_be() -> None:
    log = RunLog()
    log.say("values", {"a": 1})
    early = asyncio.create_task(heard(log))
    await asyncio.sleep(0)
    log.say("updates", {"b": 2})
    late = asyncio.create_task(heard(log, after=1))
    await asyncio.sleep(0)
    log.close()
    assert await early == [(1, "values"), (2, "updates")]
    assert await late == [(2, "updates")]


async def test_a_slow_listener_is_told_what_it_missed_and_memory_is_bounded() -> None:
    log = RunLog(room=1000)
    for number in range(100):
        log.say("values", f"{number:098d}")
    log.close()
    said = [said async for said in log.read(0) if said is not None]
    assert log.size <= 1000
    assert said[0] == Said(90, "gap", b'{"after":0,"until":90}')
    assert [each.seq for each in said[1:]] == list(range(91, 101))
    assert [seq for seq, _ in await heard(log, after=95)] == [96, 97, 98, 99, 100]


async def test_one_thing_larger_than_the_room_is_still_said() -> None:
    log = RunLog(room=10)
    log.say("values", "x" * 100)
    log.close()
    assert await heard(log) == [(1, "values")]


async def test_what_another_process_said_comes_first_and_numbers_go_beyond_it() -> None:
    log = RunLog()
    log.recall([Said(1, "metadata", b"{}"), Said(4, "updates", b"{}")], life=2)
    log.say("updates", {})
    log.close()
    # A listener that had heard tokens 5 and 6, which are void, hears what is said now.
    assert await heard(log, after=6) == [(2_000_000_001, "updates")]
    assert await heard(log, after=1) == [(4, "updates"), (2_000_000_001, "updates")]


async def test_only_what_is_no_models_token_is_kept_and_only_of_resumable_runs() -> None:
    kept: list[tuple[str, int, str]] = []
    streams = Streams(lambda run, said: kept.append((run, said.seq, said.event)))
    log = streams.open("r", resumable=True)
    for event in ("metadata", "messages/partial", "messages|ns", "events", "updates|child:1", "values", "custom"):
        log.say(event, {})
    streams.open("other", resumable=False).say("values", {})
    assert kept == [("r", 1, "metadata"), ("r", 5, "updates|child:1"), ("r", 6, "values"), ("r", 7, "custom")]


async def test_logs_of_runs_that_ended_are_found_for_a_while() -> None:
    streams = Streams(lambda run, said: None)
    for number in range(600):
        streams.open(f"r{number}", resumable=False).say("values", number)
        streams.end(f"r{number}")
    assert streams.find("r0") is None
    log = streams.find("r599")
    assert log is not None
    assert await heard(log) == [(1, "values")]


async def test_silence_is_filled_with_signs_of_life() -> None:
    log = RunLog()
    reading = log.read(quiet=0.001)
    assert await anext(reading) is None
    log.say("values", 1)
    said = await anext(reading)
    assert said is not None
    assert said.seq == 1
    await reading.aclose()  # type: ignore[attr-defined]
