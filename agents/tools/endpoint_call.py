"""Calling an endpoint of a service with arguments: for an agent's tool, and to undo what it did."""

from collections.abc import Mapping
from typing import Any, ClassVar

from agents.services.redaction import Redaction
from agents.services.service_call import MUTATING, WITH_BODY, Method, call_headers
from agents.services.services import Request, Services
from agents.tools.endpoint_use import filled, holes_of
from graphs.errors import StepError
from graphs.expressions import reveal
from graphs.spec import Step
from graphs.steps import NOBODY, Action, StepConfig, StepContext


async def call_endpoint(
    context: StepContext, service: str, endpoint: str, method: Method, arguments: Mapping[str, Any]
) -> Any:
    """The body of the answer. Arguments that the endpoint names in braces go into its path; the others into the query,
    or, for methods that have one, into the body. Calls that change something carry the step's idempotency key.

    Raises:
        StepError: an argument of its path is missing; or the service failed.
    """
    holes = holes_of(endpoint)
    if missing := [hole for hole in holes if arguments.get(hole) is None]:
        raise StepError(
            f"{method} {service}{endpoint} cannot be called: argument '{missing[0]}' is missing.",
            category="validation",
            retryable=False,
            code="arguments_invalid",
        )
    rest = {key: value for key, value in arguments.items() if key not in holes}
    request = Request(
        method=method,
        path=filled(endpoint, arguments),
        query={} if method in WITH_BODY else {key: value for key, value in rest.items() if value is not None},
        headers=call_headers(context, method, context.idempotency_key),
        body=rest,
        has_body=method in WITH_BODY,
    )
    return (await context.resource(Services).send(service, request)).body


class EndpointCallConfig(StepConfig):
    """Which endpoint is called; its arguments are the step's input."""

    service: str
    endpoint: str
    method: Method


class EndpointCall(Action):
    """The step that undoes a call of an endpoint, as it is written down. What its path needs may not be known, as the
    call was cut off: then it fails, and people who find out give it as a part of its input."""

    name: ClassVar[str] = "endpoint_call"
    summary: ClassVar[str] = "calls an endpoint of a service, to undo what another one did"
    written_in = NOBODY
    Config = EndpointCallConfig

    def acts(self, step: Step) -> bool | None:
        return step.config.get("method") in MUTATING

    def limit(self, config: EndpointCallConfig) -> str | None:
        return config.service

    async def run(self, context: StepContext, config: EndpointCallConfig) -> Any:
        given = context.input if isinstance(context.input, Mapping) else {}
        redaction = Redaction([given])
        with redaction.of_errors():
            gave = await call_endpoint(context, config.service, config.endpoint, config.method, reveal(given))
            return redaction.value(gave)
