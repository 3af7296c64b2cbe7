"""Cassettes: calls of models kept in a file, and given again in place of calling.

    Models(cassette=Cassette(Path("tests/clerk.json"), "record"))    # once, with a key: each call is made, and kept
    Models(cassette=Cassette(Path("tests/clerk.json")))              # ever after: no key, no network, no cost

A cassette stands behind everything `Models` opens, so agents, routers and functions need not know of it. What is kept
is the whole request and the whole answer, as readable JSON for code review; never a key, which is in no request.
Failures are not kept: a provider's bad day is nothing to repeat (scripts have `failures` for that).
"""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, Literal

from agents.values import shorten
from graphs.errors import InputError, StepError

Mode = Literal["replay", "record", "extend"]
_FORMAT: Final = 1

Request = Mapping[str, Any]
"""`{"model", "messages", "tools", "tool_choice", "options"}`."""


class Cassette:
    """Recorded calls of models.

    The same request asked several times is answered with its recordings in their order, and then no more: a test that
    asks more often than the recording did is told so.

    Args:
        path: The file.
        mode: `replay`: nothing but what is recorded is ever answered. `record`: every call is made, and the file is
            written anew. `extend`: calls that are not recorded are made and added.

    Raises:
        InputError: there is no such file to replay, or it is no cassette.
    """

    def __init__(self, path: Path | str, mode: Mode = "replay") -> None:
        self.path = Path(path)
        self.mode: Mode = mode
        self._calls: list[dict[str, Any]] = [] if mode == "record" else self._read()
        self._given: Counter[str] = Counter()

    @property
    def unused(self) -> int:
        """How many recordings nobody has asked for: a test that wants to be strict about these looks here."""
        return len(self._calls) - sum(self._given.values())

    def find(self, request: Request) -> Mapping[str, Any] | None:
        """The recorded answer to a request; None when the call is to be made.

        Raises:
            StepError: `recording_missing`, when nothing but recordings may be answered.
        """
        key = _key(request)
        recorded = [call for call in self._calls if _key(call["request"]) == key]
        if self._given[key] < len(recorded):
            self._given[key] += 1
            answer: Mapping[str, Any] = recorded[self._given[key] - 1]["answer"]
            return answer
        if self.mode == "replay":
            raise self._missing(request, len(recorded))
        return None

    def keep(self, request: Request, answer: Mapping[str, Any]) -> None:
        """Add a call that was made; it is in the file when this returns."""
        self._calls.append({"request": dict(request), "answer": dict(answer)})
        self._given[_key(request)] += 1
        document = {"cassette": _FORMAT, "calls": self._calls}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f"{self.path.name}.new")
        beside.write_text(json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(beside, self.path)  # noqa: PTH105 - whoever is killed while writing leaves the old file

    def _read(self) -> list[dict[str, Any]]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if self.mode == "extend":
                return []
            raise InputError(
                f"There is no cassette '{self.path}' to replay.",
                hint="Record it once, with a model that answers: Cassette(path, 'record').",
                code="cassette_missing",
            ) from None
        try:
            document = json.loads(text)
            calls: list[dict[str, Any]] = document["calls"]
            if document["cassette"] != _FORMAT or not all({"request", "answer"} <= call.keys() for call in calls):
                raise ValueError(f"its format is not {_FORMAT}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"'{self.path}' is no cassette: {shorten(str(error), 200)}.",
                hint="Record it anew: Cassette(path, 'record').",
                code="cassette_invalid",
            ) from None
        return calls

    def _missing(self, request: Request, times: int) -> StepError:
        if times:
            why = f"it was recorded {times} time{'s' if times > 1 else ''} and is asked for once more"
        elif not self._calls:
            why = "nothing is recorded"
        else:
            why = min((_difference(call["request"], request) for call in self._calls), key=lambda found: found[0])[1]
        return StepError(
            f"cassette '{self.path}' has no recording of this request to model '{request['model']}': {why}.",
            category="validation",
            retryable=False,
            code="recording_missing",
            hint="If the request is meant to be another one, record it: Cassette(path, 'extend').",
        )


def _key(request: Request) -> str:
    return json.dumps(request, sort_keys=True)


def _difference(recorded: Request, asked: Request) -> tuple[int, str]:
    """How far a recorded request is from one that is asked, and where they first part."""
    apart = [name for name in sorted({*recorded, *asked} - {"messages"}) if recorded.get(name) != asked.get(name)]
    before: Sequence[Any] = recorded.get("messages", ())
    now: Sequence[Any] = asked.get("messages", ())
    others = [n for n, (one, other) in enumerate(zip_longest(before, now)) if one != other]
    if others:
        where = (
            f"the nearest recording parts from it at message {others[0] + 1}: {_shown(before, others[0])} was recorded"
        )
        return len(apart) * 2 + len(others), f"{where}, {_shown(now, others[0])} is asked"
    names = ", ".join(f"'{name}'" for name in apart)
    return len(apart) * 2, f"the nearest recording has other {names}"


def _shown(messages: Sequence[Any], position: int) -> str:
    if position >= len(messages):
        return "nothing"
    message = messages[position]
    said = {name: value for name, value in message.items() if name not in ("role", "content")}
    words = json.dumps(message.get("content"), ensure_ascii=False) + (f" {json.dumps(said)}" if said else "")
    return f"{message.get('role')} {shorten(words, 200)}"
