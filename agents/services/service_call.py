"""`service_call`: ask a service over HTTP; its answer is the step's response (I01, T01). The default step type."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from agents.services.endpoints import check_endpoint
from agents.services.services import Accepts, Request, Services, successful
from graphs.durations import Duration
from graphs.errors import Problem, StepError
from graphs.spec import Step
from graphs.steps import Action, StepConfig, StepContext

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def upper(value: Any) -> Any:
    """A method, however it was written."""
    return value.upper() if isinstance(value, str) else value


class ServiceCallConfig(StepConfig):
    """What a `service_call` is told.

    Attributes:
        service: A configured service's name.
        endpoint: A path under its base URL.
        method: GET when nothing else is said.
        payload: POST, PUT, PATCH: the JSON body. GET, HEAD, DELETE: more query parameters, because bodies of
            such requests are dropped by servers on the way.
        query: Query parameters: scalars, or lists of them; a null is left out.
        headers: Further headers. The service's own are sent too; these win.
        expect: Statuses that are an answer and not a failure: numbers, or classes such as `2xx`.
        full: The response is `{"status", "headers", "body"}` instead of the body alone.
        timeout: Seconds this request may take; the service's own limit when nothing is said.
        max_attempts: Read by the planner (Y15).
    """

    service: str
    endpoint: str
    method: Annotated[Method, BeforeValidator(upper)] = "GET"
    payload: Any = None
    query: dict[str, Any] = Field(default_factory=dict)
    headers: dict[str, Any] = Field(default_factory=dict)
    expect: tuple[Annotated[int, Field(ge=100, le=599)] | Annotated[str, Field(pattern=r"^[1-5]xx$")], ...] = ("2xx",)
    full: bool = False
    timeout: Duration | None = None
    max_attempts: int | None = Field(default=None, ge=1)

    @field_validator("expect", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int | str) else value

    @model_validator(mode="after")
    def _a_payload_without_a_body_is_named_values(self) -> "ServiceCallConfig":
        if self.method not in WITH_BODY and self.payload is not None and not isinstance(self.payload, Mapping):
            raise ValueError(f"the payload of {self.method} goes into the query, so it must be an object")
        return self

    def accepts(self) -> Accepts:
        """Which statuses are an answer."""
        if self.expect == ("2xx",):
            return successful
        numbers = {one for one in self.expect if isinstance(one, int)}
        classes = {int(one[0]) for one in self.expect if isinstance(one, str)}
        return lambda status: status in numbers or status // 100 in classes

    def parameters(self) -> dict[str, Any]:
        """The query parameters in all; `query` wins over `payload`."""
        from_payload = {} if self.method in WITH_BODY else self.payload or {}
        return {name: value for name, value in {**from_payload, **self.query}.items() if value is not None}


class ServiceCall(Action):
    """Asks a service."""

    name = "service_call"
    summary = "calls a service over HTTP; its answer is the response"
    Config = ServiceCallConfig
    takes = ("payload", "query")

    def acts(self, step: Step) -> bool | None:
        return str(step.config.get("method", "GET")).upper() not in ("GET", "HEAD")

    def check(self, step: Step) -> Iterable[Problem]:
        endpoint = step.config.get("endpoint")
        if not isinstance(endpoint, str) or "{{" in endpoint:
            return  # Known only when the step runs, and checked then.
        try:
            check_endpoint(endpoint)
        except StepError as error:
            yield Problem(code=error.code, message=error.message, hint=error.hint, where="config.endpoint")

    def limit(self, config: ServiceCallConfig) -> str | None:
        return config.service

    async def run(self, context: StepContext, config: ServiceCallConfig) -> Any:
        reply = await context.resource(Services).send(config.service, self._request(context, config), config.accepts())
        if config.full:
            return {"status": reply.status, "headers": dict(reply.headers), "body": reply.body}
        return reply.body

    def _request(self, context: StepContext, config: ServiceCallConfig) -> Request:
        return Request(
            method=config.method,
            path=config.endpoint,
            query=_query(config),
            headers=call_headers(context, config.method, context.idempotency_key) | config.headers,
            body=config.payload,
            has_body=config.method in WITH_BODY and config.payload is not None,
            timeout=config.timeout,
        )


def call_headers(context: StepContext, method: str, key: str) -> dict[str, str]:
    """What every call says about its origin; calls that change something carry a key to recognise a repeat by."""
    headers = {"X-Execution-Id": context.execution_id, "X-Step": context.path}
    if method in MUTATING:
        headers["Idempotency-Key"] = key
    return headers


def _query(config: ServiceCallConfig) -> dict[str, Any]:
    parameters = config.parameters()
    for name, value in parameters.items():
        entries = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(entry, Mapping | list | tuple) for entry in entries):
            raise StepError(
                f"{config.method} {config.service}{config.endpoint}: query parameter '{name}' is an object.",
                category="validation",
                code="query_invalid",
                hint="A query holds texts, numbers, booleans, and lists of them; send objects as a POST's payload.",
            )
    return parameters
