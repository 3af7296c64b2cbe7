"""Who hears something that lasts is looked at: all of them at once, and only while there are any."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from api.security.keys import NotAuthenticatedError
from api.security.principal import Principal
from api.security.watch import Hearer, Watch
from graphs.clock import ManualClock
from graphs.errors import NotAllowedError

pytestmark = pytest.mark.capability("O21")


class Keys:
    """What the watch asks of a store."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.looks: list[set[str]] = []

    def revoked(self, key_ids: Collection[str]) -> frozenset[str]:
        self.looks.append(set(key_ids))
        return frozenset(self.ended & set(key_ids))


class Room:
    """A watch, and whom it ended."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.keys = Keys()
        self.guarded = True
        self.ended: dict[str, str] = {}
        store: Any = self.keys
        self.watch = Watch(store, self.clock, lambda: self.guarded)

    def hearer(self, name: str, again: Callable[[], Any] | None = None, **facts: Any) -> Hearer:
        async def still() -> None: ...

        who = Principal(name=name, **{"source": f"key:{name}", **facts})
        return Hearer(who, again or still, lambda why: self.ended.__setitem__(name, str(why)))

    async def pass_by(self, seconds: float) -> None:
        """Time goes by, and what is due is done."""
        self.clock.advance(seconds)
        for _ in range(5):
            await asyncio.sleep(0)


@asynccontextmanager
async def room() -> AsyncIterator[Room]:
    made = Room()
    async with made.watch.serving():
        yield made


async def test_one_look_is_enough_for_everybody_and_none_is_had_for_nobody() -> None:
    async with room() as at:
        assert at.clock.next_alarm is None
        with ExitStack() as heard:
            for number in range(500):
                heard.enter_context(at.watch.hears(at.hearer(f"h{number}", key=f"k{number % 3}")))
            for _ in range(5):
                await at.pass_by(2)
            assert at.keys.looks == [{"k0", "k1", "k2"}] * 5
            at.keys.ended.add("k1")
            await at.pass_by(2)
            assert set(at.ended) == {f"h{number}" for number in range(1, 500, 3)}
            assert set(at.ended.values()) == {"The key was revoked."}
        await at.pass_by(2)
        assert at.clock.next_alarm is None


async def test_keys_and_tokens_that_expire_are_heard_of_within_five_seconds() -> None:
    async with room() as at:
        until = at.clock.now() + timedelta(seconds=60)
        with (
            at.watch.hears(at.hearer("by key", key="k", until=until)),
            at.watch.hears(at.hearer("by token", until=until)),
            at.watch.hears(at.hearer("for ever", key="k")),
        ):
            await at.pass_by(59)
            assert at.ended == {}
            await at.pass_by(5)
    assert at.ended == {"by key": "The key has expired.", "by token": "The token has expired."}


async def test_who_came_to_an_open_gateway_leaves_when_it_is_closed() -> None:
    async with room() as at:
        at.guarded = False
        with at.watch.hears(at.hearer("anybody", source="open")):
            await at.pass_by(2)
            assert at.ended == {}
            at.guarded = True
            await at.pass_by(2)
    assert at.ended == {"anybody": "The gateway has keys now, so this needs one."}


async def test_the_applications_auth_is_asked_again_about_its_users_each_minute() -> None:
    async def dismissed() -> None:
        raise NotAuthenticatedError("Nobody knows you.")

    async def demoted() -> None:
        raise NotAllowedError("You may look no more.")

    async def broken() -> None:
        raise RuntimeError("the directory cannot be reached")

    async with room() as at:
        with (
            at.watch.hears(at.hearer("gone", dismissed, user=object())),
            at.watch.hears(at.hearer("unknown", broken, user=object())),
            at.watch.hears(at.hearer("lower", demoted, user=object())),
            at.watch.hears(at.hearer("a key", dismissed, key="k")),
        ):
            await at.pass_by(59)
            assert at.ended == {}
            await at.pass_by(1)
    assert at.ended == {"gone": "Nobody knows you.", "lower": "You may look no more."}


async def test_what_has_ended_by_itself_is_not_ended_once_more() -> None:
    async with room() as at:
        at.keys.ended.add("k")
        with at.watch.hears(at.hearer("left", key="k")):
            pass
        with at.watch.hears(at.hearer("stays", key="k")):
            await at.pass_by(2)
            await at.pass_by(2)
    assert at.ended == {"stays": "The key was revoked."}
    assert len(at.keys.looks) == 1


async def test_users_are_asked_about_side_by_side_and_what_breaks_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked, answer = 0, asyncio.Event()

    async def slow() -> None:
        nonlocal asked
        asked += 1
        await answer.wait()

    async def broken() -> None:
        raise RuntimeError("the directory cannot be reached")

    async with room() as at:
        with ExitStack() as heard:
            for number in range(60):
                heard.enter_context(at.watch.hears(at.hearer(f"slow{number}", slow, user=object())))
            await at.pass_by(60)
            assert asked == 50  # and not one after the other, nor any number of them
            answer.set()
            await at.pass_by(0)
            assert asked == 60
            for number in range(3):
                heard.enter_context(at.watch.hears(at.hearer(f"broken{number}", broken, user=object())))
            await at.pass_by(60)
            await at.pass_by(60)
            [said] = caplog.records
            assert said.getMessage() == (
                "the application's auth cannot say of 3 users whether they may still listen (RuntimeError: the "
                "directory cannot be reached); they go on"
            )
            assert said.exc_info is not None  # where it broke
    assert at.ended == {}
