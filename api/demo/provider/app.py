"""What the provider answers, and what it was asked."""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agents.models.scripts import Failure, Script, Scripts, Turn
from api.demo.provider.refusing import unfit
from api.demo.provider.speaking import completion_of, digest_of, turn_of
from api.demo.provider.values import Asked, Fault
from api.demo.provider.wire import Completion, failure

_STATUS: Final[dict[str, tuple[str, str | None]]] = {
    "429": ("Rate limit reached", "rate_limit_exceeded"),
    "500": ("The server had an error", None),
    "503": ("The engine is overloaded", None),
    "401": ("Incorrect API key provided", "invalid_api_key"),
}
_OF_SCRIPTS: Final = {
    "rate_limit": (429, "rate_limit_exceeded"),
    "server": (500, None),
    "authentication": (401, "invalid_api_key"),
    "invalid": (400, None),
    "context_overflow": (400, "context_length_exceeded"),
    "content_filter": (400, "content_filter"),
}


class Provider:
    """Says what scripts say; keeps what it was asked.

    Args:
        scripts: By name; a request's `model` names one. `echo` is always there.
        arriving, leaving: Awaited for each request, before it is looked at and before its answer is sent: tests hold
            requests back here, and kill who sent them.
    """

    def __init__(
        self,
        scripts: Iterable[Script] = (),
        *,
        arriving: Callable[[int], Awaitable[None]] | None = None,
        leaving: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        self.scripts = Scripts(scripts)
        self.asked: list[Asked] = []
        self.arriving = arriving
        self.leaving = leaving
        self._faults: deque[Fault] = deque()
        self._raised: Counter[str] = Counter()

    @property
    def conversations(self) -> Counter[str]:
        """How often each conversation was answered: 1 for each, unless a call was made again."""
        return Counter(one.conversation for one in self.asked if one.answered)

    def fail(self, *faults: Fault) -> None:
        """What goes wrong with the next requests, in this order."""
        self._faults.extend(fault for one in faults for fault in [one] * one.times)

    def recover(self) -> None:
        """Nothing goes wrong any more."""
        self._faults.clear()

    def app(self) -> Starlette:
        """The server."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._completions, methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/_control/requests", self._requests),
                Route("/_control/faults", self._set_faults, methods=["POST"]),
            ]
        )

    # -- OpenAI's side -----------------------------------------------------------------------------------------

    async def _completions(self, request: Request) -> Response:
        sent = await request.body()
        try:
            _Request.model_validate_json(sent)
        except ValidationError as error:
            return _refused(400, f"The request cannot be read: {_wrong(error)}.", "invalid_request")
        body: dict[str, Any] = json.loads(sent)
        number = len(self.asked)
        asked = Asked(number, str(body.get("model")), digest_of(body.get("messages")), body, time.time())
        self.asked.append(asked)
        if self.arriving is not None:
            await self.arriving(number)
        fault = self._faults.popleft() if self._faults else None
        response = self._answer(asked, body, fault)
        if response.status_code != 200 or isinstance(response, _Broken):
            self.asked[number] = replace(asked, answered=False)
        if fault is not None and fault.kind == "late":
            await asyncio.sleep(fault.seconds)
        if self.leaving is not None:
            await self.leaving(number)
        return response

    def _answer(self, asked: Asked, body: dict[str, Any], fault: Fault | None) -> Response:
        if fault is not None and fault.kind in _STATUS:
            message, code = _STATUS[fault.kind]
            return _refused(int(fault.kind), message, code, fault.retry_after)
        if asked.model not in self.scripts:
            return _refused(404, f"The model '{asked.model}' does not exist", "model_not_found")
        if (wrong := unfit(body)) is not None:
            return _refused(400, wrong.message, wrong.code)
        script = self.scripts.get(asked.model)
        turn = turn_of(script, body)
        if turn is None:
            return _refused(400, f"script '{script.name}' has nothing to say", "script_ended")
        if (failed := self._failure(turn, asked)) is not None:
            return _of_script(failed)
        completion = completion_of(asked, body, turn, fault)
        if fault is not None and fault.kind in ("cut", "invalid_json"):
            return _broken(completion, body, fault)
        if body.get("stream"):
            usage = bool((body.get("stream_options") or {}).get("include_usage"))
            pause = fault.seconds if fault is not None and fault.kind == "slow" else 0.0
            return StreamingResponse(_spoken(completion, usage, pause), media_type="text/event-stream")
        return Response(json.dumps(completion.whole()), media_type="application/json")

    def _failure(self, turn: Turn, asked: Asked) -> Failure | None:
        """The turn's failures, one for each try at the same conversation."""
        tried = self._raised[asked.conversation]
        if tried >= len(turn.failures):
            return None
        self._raised[asked.conversation] += 1
        return turn.failures[tried]

    async def _models(self, request: Request) -> Response:
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "demo"} for name in self.scripts.names()]
        return JSONResponse({"object": "list", "data": listed})

    # -- its own side ------------------------------------------------------------------------------------------

    async def _requests(self, request: Request) -> Response:
        rows = [
            {"number": one.number, "model": one.model, "conversation": one.conversation, "answered": one.answered}
            for one in self.asked
        ]
        return JSONResponse({"requests": rows})

    async def _set_faults(self, request: Request) -> Response:
        try:
            self.fail(*_FAULTS.validate_json(await request.body()))
        except ValidationError as error:
            return _refused(422, f"These are no faults: {_wrong(error)}.", "invalid_faults")
        return JSONResponse({"waiting": len(self._faults)})


class _Request(BaseModel):
    """What every request has; the rest is taken as it comes."""

    model: str
    messages: list[dict[str, Any]]


_FAULTS: Final = TypeAdapter(list[Fault])


def _wrong(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(str(key) for key in one['loc']) or 'it'}: {one['msg']}" for one in found)


class _Broken(StreamingResponse):
    """An answer that nobody can use."""


def _refused(status: int, message: str, code: str | None, retry_after: float | None = None) -> Response:
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return JSONResponse(failure(message, code), status, headers)


def _of_script(failed: Failure) -> Response:
    status, code = _OF_SCRIPTS.get(failed.kind, (503, None))
    return _refused(status, failed.message, code, failed.retry_after)


def _broken(completion: Completion, body: dict[str, Any], fault: Fault) -> Response:
    whole = json.dumps(completion.whole())
    if fault.kind == "invalid_json":
        return _Broken(iter([whole[: len(whole) // 2]]), media_type="application/json")
    return _Broken(_cut(completion, whole, stream=bool(body.get("stream"))), media_type="text/event-stream")


async def _cut(completion: Completion, whole: str, *, stream: bool) -> AsyncIterator[str]:
    if stream:
        events = list(completion.events(with_usage=False))
        for event in events[: max(1, len(events) // 2)]:
            yield event
    else:
        yield whole[: len(whole) // 2]
    raise ConnectionAbortedError("the provider hangs up")  # the server then closes the connection, mid-answer


async def _spoken(completion: Completion, usage: bool, pause: float) -> AsyncIterator[str]:
    for event in completion.events(with_usage=usage):
        yield event
        if pause:
            await asyncio.sleep(pause)
