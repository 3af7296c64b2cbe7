"""How one request is answered: read or act, refuse with a reason, and never act twice for one idempotency key.

A service's endpoint is a plain function `(call, ...) -> Answer`. `ServiceRouter.serve` makes it an HTTP route and
puts the one mechanism for keys around every route that may act:

    one transaction ⊃ the answer saved for this key, or ⊃ the endpoint, its effects, and saving its answer

so a crash at any instant leaves either nothing, or the effect *and* the answer that a repeated call will get.
"""

import functools
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from api.demo.services.store import Json, Store, utc_now

ACTING_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})

# Money comes in as a JSON number or text, is reckoned in decimals, and is kept and sent as a number.
Money = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2), PlainSerializer(float, return_type=float)]

EMAIL_PATTERN = r"^[^@\s]+@[^@\s]+\.[^@\s.]+$"
EmailText = Annotated[str, Field(pattern=EMAIL_PATTERN, max_length=254)]


class Body(BaseModel):
    """What a request may say. An unknown field is refused: it is a typing error that would otherwise be ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answers; without a body for 204."""

    status: int
    body: Json | None = None


class Refused(Exception):  # noqa: N818 - not an error of ours: the service says no
    """A service does not do what was asked. Whatever the endpoint wrote before is taken back."""

    def __init__(self, status: int, code: str, message: str, /, **details: Any) -> None:
        super().__init__(message)
        self.answer = Answer(status, error_body(code, message, **details))


def error_body(code: str, message: str, /, **details: Any) -> Json:
    """The one shape of every error."""
    return {"error": {"code": code, "message": message, **details}}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it was written down when it came."""

    request_id: int
    service: str
    method: str
    path: str
    query: str
    key: str | None
    digest: str

    @property
    def route(self) -> str:
        """What a key belongs to: the same key on another path is another call."""
        return f"{self.method} {self.path}?{self.query}"


class Call:
    """One request to one service: what its endpoint may read, and how it acts."""

    def __init__(self, store: Store, arrival: Arrival, base_url: str) -> None:
        self.store = store
        self.arrival = arrival
        self.service_url = f"{base_url.rstrip('/')}/{arrival.service}"
        self._writes = 0
        self._effects = 0

    @property
    def wrote_unseen(self) -> bool:
        """Whether something was changed that no effect tells of: a defect of the endpoint."""
        return self._writes > 0 and self._effects == 0

    def get(self, kind: str, record_id: str) -> Json | None:
        return self.store.get(self.arrival.service, kind, record_id)

    def need(self, kind: str, record_id: str) -> Json:
        """The record; refuses with 404 where there is none."""
        record = self.get(kind, record_id)
        if record is None:
            raise Refused(404, f"{kind}_not_found", f"There is no {kind} '{record_id}'.")
        return record

    def find(self, kind: str, field: str | None = None, value: Any = None) -> list[Json]:
        return self.store.find(self.arrival.service, kind, field, value)

    def put(self, kind: str, record_id: str, body: Json) -> None:
        """Write a record as a part of an effect that `note` or `act` tells of."""
        self._writes += 1
        self.store.put(self.arrival.service, kind, record_id, body)

    def note(self, action: str, subject: str) -> None:
        """Write an effect into the ledger."""
        self._effects += 1
        arrival = self.arrival
        row = {"at": utc_now(), "service": arrival.service, "action": action, "subject": subject}
        asked = {"idempotency_key": arrival.key, "body_digest": arrival.digest, "request_id": arrival.request_id}
        self.store.insert("effects", row | asked)

    def act(self, action: str, kind: str, record_id: str, body: Json) -> None:
        """The usual effect: one record written."""
        self.put(kind, record_id, body)
        self.note(action, record_id)

    def erase(self, action: str, kind: str, record_id: str) -> bool:
        """The other usual effect: one record gone. Where there was none, there is no effect."""
        gone = self.store.delete(self.arrival.service, kind, record_id)
        if gone:
            self.note(action, record_id)
        return gone


async def current_call(request: Request) -> Call:
    # `async`, though nothing is awaited: FastAPI would run a plain function in a thread, and the store has one only.
    return Call(request.app.state.store, request.state.arrival, str(request.base_url))


CallDep = Annotated[Call, Depends(current_call)]
Endpoint = Callable[..., Answer]


class ServiceRouter(APIRouter):
    """The routes of one service, below `/{service}`."""

    def __init__(self, service: str) -> None:
        super().__init__(prefix=f"/{service}", tags=[service])

    def serve(self, method: str, path: str, endpoint: Endpoint) -> None:
        """Answer `method path` with a plain function whose first parameter is `call: CallDep`."""
        answer = _answer_once if method in ACTING_METHODS else _answer

        @functools.wraps(endpoint)
        async def route(**arguments: Any) -> Response:
            return answer(arguments["call"], functools.partial(endpoint, **arguments))

        self.add_api_route(path, route, methods=[method], response_model=None)


def _answer(call: Call, decide: Callable[[], Answer]) -> Response:
    try:
        answer = decide()
    except Refused as refusal:
        answer = refusal.answer
    return _response(answer.status, _encoded(answer.body))


def _answer_once(call: Call, decide: Callable[[], Answer]) -> Response:
    arrival = call.arrival
    with call.store.transaction():
        if arrival.key is not None:
            saved = call.store.saved_answer(arrival.service, arrival.route, arrival.key)
            if saved is not None:
                return _replayed(arrival, *saved)
        answer = _decided(call, decide)
        body = _encoded(answer.body)
        if arrival.key is not None:
            # A refusal is kept as well: as with Stripe, the same key means the same answer, whatever it was.
            # What never came this far (a body that does not fit, a failure switched on) has no answer to keep.
            name = {"service": arrival.service, "route": arrival.route, "idempotency_key": arrival.key}
            said = {"body_digest": arrival.digest, "status": answer.status, "body": body}
            call.store.insert("answers", name | said)
    return _response(answer.status, body)


def _decided(call: Call, decide: Callable[[], Answer]) -> Answer:
    try:
        with call.store.savepoint():
            answer = decide()
            if call.wrote_unseen:
                raise RuntimeError(f"{call.arrival.method} {call.arrival.path} wrote records without noting an effect.")
            return answer
    except Refused as refusal:
        return refusal.answer


def _replayed(arrival: Arrival, digest: str, status: int, body: str | None) -> Response:
    response = _response(status, body)
    response.headers["Idempotent-Replayed"] = "true"
    if digest != arrival.digest:
        # Not refused: an attempt may render its body anew (a salted password hash), and still be the same call.
        response.headers["Idempotent-Body-Differs"] = "true"
    return response


def _encoded(body: Json | None) -> str | None:
    return None if body is None else json.dumps(body, ensure_ascii=False)


def _response(status: int, body: str | None) -> Response:
    if body is None:
        return Response(status_code=status)
    return Response(content=body, status_code=status, media_type="application/json")


def new_id(prefix: str) -> str:
    """An id that nobody has yet: `usr_5f0c…`."""
    return f"{prefix}_{uuid.uuid4().hex[:16]}"
