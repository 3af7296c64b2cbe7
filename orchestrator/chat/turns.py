"""One answer in a chat, as it comes."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from agents.reasoning.conversation import text_of
from graphs.errors import BatonError
from orchestrator.serving.streams import RunLog, Said
from orchestrator.serving.wording import SPOKEN
from orchestrator.store.served.values import Ended, Run


class RunFailedError(BatonError):
    """The run that was to answer failed. It is not tried again by asking again."""

    code = "run_failed"


@dataclass(slots=True)
class Tokens:
    """What models say they counted; 0 where they say nothing."""

    prompt: int = 0
    completion: int = 0


@dataclass(slots=True)
class Turn:
    """An answer. Read `pieces` to its end; then the rest is known.

    Attributes:
        thread_id, run_id: Where it comes from; None for an answer that took no run.
        tokens: What it cost.
        asked: Whether it is a question.
    """

    thread_id: str
    run_id: str | None
    source: Callable[[float], AsyncIterator[str | None]]
    tokens: Tokens = field(default_factory=Tokens)
    asked: bool = False
    text: str = ""

    async def pieces(self, quiet: float) -> AsyncIterator[str | None]:
        """The words as they come; None after so many seconds without any.

        Raises:
            RunFailedError: the run failed.
        """
        async for piece in self.source(quiet):
            if piece is not None:
                self.text += piece
            yield piece


class Voice:
    """Which of the words that models say are the answer's, and in which order they are shown: one message after the
    other, also when several models speak at once.

    Args:
        speaks: Whether what is said at a place is meant for whoever asked.
        tokens: Where costs are added, of those that are not shown too.
    """

    def __init__(self, speaks: Callable[[Mapping[str, Any]], bool], tokens: Tokens) -> None:
        self.text = ""
        self._last: str | None = None
        self._speaks = speaks
        self._tokens = tokens
        self._current: str | None = None
        self._waiting: dict[str, deque[str]] = {}

    def hear(self, said: Said) -> str:
        """The words to show next, after something was said on the run's stream."""
        message, names = orjson.loads(said.data)
        usage = message.get("usage_metadata") or {}
        self._tokens.prompt += int(usage.get("input_tokens") or 0)
        self._tokens.completion += int(usage.get("output_tokens") or 0)
        if message.get("type") not in SPOKEN or not self._speaks(names):
            return ""
        who, words = str(message.get("id")), text_of(message.get("content"))
        self._waiting.setdefault(who, deque()).append(words)
        self._current = self._current or who
        shown = self._show(self._current)
        if message.get("chunk_position") == "last" or message["type"] == "ai":
            shown += self._over(who)
        return shown

    def rest(self) -> str:
        """What is left when nothing more is said."""
        return "".join(self._over(who) for who in list(self._waiting))

    def _over(self, who: str) -> str:
        """A message has ended: the next one that waits is shown, if it was this one's turn."""
        if who != self._current:
            return ""
        shown = self._show(who)
        del self._waiting[who]
        self._current = next(iter(self._waiting), None)
        return shown + (self._show(self._current) if self._current is not None else "")

    def _show(self, who: str) -> str:
        words = "".join(self._waiting[who])
        self._waiting[who].clear()
        if words and self.text and self._last != who:
            words = "\n\n" + words.lstrip()
        if words:
            self._last = who
        self.text += words
        return words


async def followed(log: RunLog, voice: Voice, quiet: float) -> AsyncIterator[str | None]:
    """The words of a run as they come; None after so many seconds without any. It ends when the run has."""
    async for said in log.read(0, quiet=quiet):
        if said is None:
            yield None
        elif said.kind == "messages" and "/" not in said.event and (shown := voice.hear(said)):
            yield shown
    if shown := voice.rest():
        yield shown


def failure(run: Run, ended: Ended) -> RunFailedError:
    """The error for a run that failed."""
    error: Mapping[str, Any] = ended.error if isinstance(ended.error, Mapping) else {}
    why = error.get("message") or error.get("error") or ended.status
    return RunFailedError(
        f"The run failed: {why}", run_id=run.id, thread_id=run.thread_id, cause=error.get("code") or error.get("error")
    )
