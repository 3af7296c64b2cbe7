"""`validation`: rules over the step's input, checked here or by a service; everything wrong is told at once (I03)."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from agents.loading import load, load_now
from agents.rules import NEEDS, RULES, Parameters
from agents.services.service_call import call_headers
from agents.services.services import Request, Services
from agents.values import shorten
from graphs.errors import Problem, StepError
from graphs.expressions import contains_secret, reveal
from graphs.loading.names import nearest
from graphs.spec import Step
from graphs.steps import Action, StepConfig, StepContext

_SERVICE_RULE = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_FIELD = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class Rule(StepConfig):
    """One thing that must hold.

    Attributes:
        field: A path into the step's input: `email`, `address.city`, `items[0].sku`.
        rule: `required`, `email`, `uri`, `uuid`, `date`, `time`, `date-time`, `duration`, `hostname`, `ipv4`,
            `ipv6`, `length`, `min_length`, `max_length`, `range`, `min`, `max`, `pattern`, `one_of`, `schema`; with
            `service`, any name that service knows.
        service: Who checks it, with `POST /api/validate/{rule}`.
        value: What is checked, in place of the field's value.
        min, max, pattern, options, schema: What the rule's name asks for.
        params: Sent to the service beside field and value.
        message: Told in place of our own words.
    """

    field: str
    rule: str
    service: str | None = None
    value: Any = None
    min: float | None = None
    max: float | None = None
    pattern: str | None = None
    options: tuple[Any, ...] | None = None
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    params: dict[str, Any] = Field(default_factory=dict)
    message: str | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.service is not None:
            if not _SERVICE_RULE.fullmatch(self.rule):
                raise ValueError(f"rule {self.rule[:100]!r} becomes part of a path: letters, digits, '_', '-' and '.'")
            return self
        if self.rule not in RULES:
            near = nearest(self.rule, RULES)
            hint = f"did you mean '{near}'? " if near else ""
            raise ValueError(
                f"there is no rule '{self.rule}': {hint}name the 'service' that knows it, or use one of "
                f"{', '.join(sorted(RULES))}"
            )
        given = self.parameters()
        needs = NEEDS.get(self.rule, ())
        if needs and all(given[name] is None for name in needs):
            raise ValueError(f"rule '{self.rule}' needs {' or '.join(repr(name) for name in needs)}")
        return self

    def parameters(self) -> Parameters:
        return Parameters(
            {"min": _whole(self.min), "max": _whole(self.max), "pattern": self.pattern, "options": self.options}
            | {"schema": self.schema_}
        )


class ValidationConfig(StepConfig):
    """What a `validation` is told."""

    validation_rules: tuple[Rule, ...] = Field(min_length=1)


class Validation(Action):
    """Checks rules; the failure names every field that does not fit, and is never retried (X13)."""

    name = "validation"
    summary = "checks fields of the input by rules, here or at a service"
    Config = ValidationConfig
    gives = frozenset({"validation_result", "checked"})

    def acts(self, step: Step) -> bool | None:
        return False

    def computes(self, step: Step) -> bool:
        rules = step.config.get("validation_rules")
        several = rules if isinstance(rules, list | tuple) else ()
        return bool(several) and all(isinstance(rule, Mapping) and "service" not in rule for rule in several)

    def check(self, step: Step) -> Iterable[Problem]:
        rules = step.config.get("validation_rules")
        for index, rule in enumerate(rules if isinstance(rules, list | tuple) else ()):
            pattern = rule.get("pattern") if isinstance(rule, Mapping) else None
            if isinstance(pattern, str) and "{{" not in pattern:
                where = f"config.validation_rules[{index}].pattern"
                yield from _pattern_problems(pattern, where)

    def limit(self, config: ValidationConfig) -> str | None:
        services = {rule.service for rule in config.validation_rules if rule.service}
        return services.pop() if len(services) == 1 else None

    async def run(self, context: StepContext, config: ValidationConfig) -> Any:
        checks = [_check(context, rule, index) for index, rule in enumerate(config.validation_rules)]
        # All are awaited before any is judged: a rule that fails must not hide the others.
        outcomes = await asyncio.gather(*checks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        failures = [
            {"field": rule.field, "rule": rule.rule, "message": rule.message or f"{rule.field} {outcome}"}
            for rule, outcome in zip(config.validation_rules, outcomes, strict=True)
            if outcome is not None
        ]
        if failures:
            raise StepError(
                f"{'; '.join(failure['message'] for failure in failures)}.",
                category="validation",
                retryable=False,
                code="validation_failed",
                failures=failures,
            )
        return {"validation_result": "passed", "checked": len(outcomes)}


async def _check(context: StepContext, rule: Rule, index: int) -> str | None:
    """What is wrong, in words that follow the field's name; None when the rule holds."""
    value = rule.value if "value" in rule.model_fields_set else find(context.input, rule.field)
    if rule.service is not None:
        return await _ask(context, rule, value, index)
    if value is None and rule.rule != "required":
        return None  # As in JSON Schema: what may be absent is for `required` to say.
    # A schema's check looks into secrets by itself, and does not quote them.
    subject = value if rule.rule == "schema" else reveal(value)
    problem = RULES[rule.rule](subject, rule.parameters(), await load("agents.schemas"))
    # How long a secret is, is part of it.
    hidden = problem and "length" in rule.rule and contains_secret(value)
    return "does not have the length it needs" if hidden else problem


async def _ask(context: StepContext, rule: Rule, value: Any, index: int) -> str | None:
    # The rule's place belongs to the key: one key for all would be answered with the first one's answer.
    key = f"{context.idempotency_key}:{index}"
    reply = await context.resource(Services).send(
        str(rule.service),
        Request(
            method="POST",
            path=f"/api/validate/{rule.rule}",
            headers=call_headers(context, "POST", key),
            body={**rule.params, "field": rule.field, "value": value},
            has_body=True,
        ),
    )
    valid = reply.body.get("valid") if isinstance(reply.body, dict) else None
    if not isinstance(valid, bool):
        raise StepError(
            f"POST {rule.service}/api/validate/{rule.rule} did not say whether '{rule.field}' is valid.",
            category="dependency",
            code="response_invalid",
            hint='A rule\'s service answers {"valid": true or false, "message": "why not"}.',
        )
    if valid:
        return None
    why = shorten(str(reply.body.get("message") or "no reason given"), 200)
    return f"does not fit rule '{rule.rule}' of {rule.service}: {why}"


def find(value: Any, path: str) -> Any:
    """The value at a path such as `items[0].sku`; None where it leads nowhere."""
    for match in _FIELD.finditer(path):
        key, position = match.groups()
        if key is not None and isinstance(value, Mapping):
            value = value.get(key)
        elif position is not None and isinstance(value, list | tuple) and int(position) < len(value):
            value = value[int(position)]
        else:
            return None
    return value


def _pattern_problems(pattern: str, where: str) -> Iterable[Problem]:
    try:
        load_now("agents.schemas").pattern(pattern)
    except StepError as error:
        yield Problem(code=error.code, message=error.message, hint=error.hint, where=where)


def _whole(number: float | None) -> float | int | None:
    return int(number) if number is not None and number.is_integer() else number
