"""A real server on loopback, and a context to run steps in."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from agents import Models, Script, Tools, tool
from agents.reasoning.agent import AgentStep
from agents.reasoning.agent_config import AgentConfig
from api.demo.serving import in_a_thread
from graphs.clock import ManualClock
from graphs.composites import Opening
from graphs.errors import StepError
from graphs.expressions import EvaluationContext
from graphs.planner import Conclusion, Plan, PlannedStep
from graphs.policies import as_step_error, error_value
from graphs.prepare import Library
from graphs.scope import Frame
from graphs.spec import Step
from graphs.state import Result
from graphs.steps import Action, StepConfig, StepContext, StepTypes

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


@dataclass
class Seen:
    """What the server was asked, in order."""

    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        return self.requests[-1]


@dataclass
class Server:
    url: str
    seen: Seen


class _App:
    def __init__(self) -> None:
        self.seen = Seen()

    async def note(self, request: Request) -> dict[str, Any]:
        body = await request.body()
        said = {
            "method": request.method,
            "path": request.url.path,
            "query": request.query_params.multi_items(),
            "headers": dict(request.headers),
            "body": body.decode(),
        }
        self.seen.requests.append(said)
        return said

    async def echo(self, request: Request) -> Response:
        return JSONResponse(await self.note(request), headers={"set-cookie": "session=1"})

    async def status(self, request: Request) -> Response:
        await self.note(request)
        headers = {"retry-after": request.query_params["after"]} if "after" in request.query_params else {}
        return Response(
            request.query_params.get("body", ""), int(request.path_params["code"]), headers, media_type="text/plain"
        )

    async def redirect(self, request: Request) -> Response:
        await self.note(request)
        return RedirectResponse(request.query_params["to"], 307)

    async def loop(self, request: Request) -> Response:
        return RedirectResponse("/loop")

    async def raw(self, request: Request) -> Response:
        kind = request.query_params["type"]
        return Response(base64.b64decode(request.query_params["body"]), media_type=kind)

    async def big(self, request: Request) -> Response:
        async def chunks() -> Any:
            for _ in range(100):
                yield b"x" * 10_000

        return StreamingResponse(chunks(), media_type="text/plain")

    async def never(self, request: Request) -> Response:
        while not await request.is_disconnected():
            await asyncio.sleep(0.01)
        return PlainTextResponse("nobody reads this")

    async def validate(self, request: Request) -> Response:
        await self.note(request)
        body = await request.json()
        rule = request.path_params["rule"]
        if rule == "broken":
            return JSONResponse({"ok": True})
        if rule == "down":
            return Response(status_code=503)
        taken = body["value"] in ("taken", "taken@example.com")
        return JSONResponse({"valid": not taken, "message": "already taken"} if taken else {"valid": True})

    def routes(self) -> list[Route]:
        return [
            Route("/echo/{rest:path}", self.echo, methods=METHODS),
            Route("/status/{code}", self.status, methods=METHODS),
            Route("/redirect", self.redirect, methods=METHODS),
            Route("/loop", self.loop),
            Route("/raw", self.raw),
            Route("/big", self.big),
            Route("/never", self.never),
            Route("/api/validate/{rule}", self.validate, methods=["POST"]),
        ]


@pytest.fixture(scope="session")
def running() -> Iterator[tuple[_App, str]]:
    app = _App()
    with in_a_thread(Starlette(routes=app.routes()), name="service") as url:
        yield app, url


@pytest.fixture
def server(running: tuple[_App, str]) -> Server:
    app, url = running
    app.seen = Seen()
    return Server(url, app.seen)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make_context(clock: ManualClock) -> Callable[..., StepContext]:
    def make(*resources: Any, input: Any = None, **changes: Any) -> StepContext:  # noqa: A002 - the field's name
        values: dict[str, Any] = {
            "execution_id": "exec-1",
            "workflow": "shop",
            "version": "1.0",
            "path": "orders[3].charge",
            "name": "charge",
            "attempt": 1,
            "idempotency_key": "exec-1:orders[3].charge:0",
            "input": input,
            "state": {},
            "clock": clock,
            "log": structlog.get_logger(),
            "resources": {type(resource): resource for resource in resources},
        }
        return StepContext(**{**values, **changes})

    return make


@tool
def add(a: int, b: int, context: StepContext) -> dict[str, Any]:
    """Add two numbers."""
    return {"sum": a + b, "key": context.idempotency_key}


@tool
def explode() -> None:
    """Always fails."""
    raise ValueError("the boiler burst")


@pytest.fixture
def run(make_context: Callable[..., StepContext]) -> Callable[..., Any]:
    """An agent step, carried out with scripted models and these tools."""

    async def go(*scripts: Script, given: Any = None, resources: Any = (), **config: Any) -> Any:
        models = Models(allow_real=False, scripts=scripts, default="scripted:echo")
        changes = {name: config.pop(name) for name in ("state", "progress", "name") if name in config}
        context = make_context(models, Tools([add, explode]), *resources, input=given, **changes)
        return await work(context, config)

    return go


async def work(context: StepContext, config: AgentConfig | dict[str, Any], step: type[AgentStep] = AgentStep) -> Any:
    """Carry out an agent step without an engine: its plan, one call after the other; a failed call of the model is
    raised."""
    given = config if isinstance(config, dict) else dict(config)
    kind, frame = step(), Frame(Plan({}), {}, None, {}, {})
    evaluation = EvaluationContext(now=context.clock.now(), seed="")
    inside = Step(name=context.name, type="agent", config=given)
    parsed = AgentConfig.model_validate(given)
    opening = Opening(inside, parsed, {}, evaluation, dict, context, LIBRARY, _no_workflow, context.resources)  # type: ignore[arg-type]
    data = await kind.open(opening)
    results: dict[str, Result] = {}
    while True:
        frame.plan, frame.results = kind.plan(inside, {**data, "results": results}, LIBRARY), results
        waiting = [planned for name, planned in frame.plan.steps.items() if name not in results]
        if not waiting:
            if not kind.grow(inside, data, frame, LIBRARY, evaluation):
                return kind.response(inside, data, frame, Conclusion("completed"), evaluation)
            continue
        for planned in waiting:
            results[planned.name] = await _perform(planned, context)


async def _perform(planned: PlannedStep, context: StepContext) -> Result:
    path = f"{context.path}{planned.name}"
    own = replace(context, path=path, idempotency_key=f"{context.execution_id}:{path}:0")
    assert isinstance(planned.kind, Action)
    try:
        return {"status": "completed", "output": await planned.kind.run(own, StepConfig())}
    except Exception as error:
        if planned.step.on_failure.action != "continue":
            raise
        return {"status": "failed", "error": error_value(as_step_error(error), attempt=1)}


def _no_workflow(name: str, version: str | None) -> Any:
    raise StepError(f"no workflow '{name}'", code="workflow_unknown")


LIBRARY = Library(StepTypes(()))
