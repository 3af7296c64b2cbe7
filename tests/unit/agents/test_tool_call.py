"""Tools, and the `tool` step."""

from collections.abc import Callable
from typing import Any

import pytest

from agents import Tool, Tools, tool
from agents.tools.tool_call import ToolConfig, ToolStep
from graphs.errors import ConflictError, InputError, NotFoundError, StepError
from graphs.expressions import Secret
from graphs.steps import StepContext

Make = Callable[..., StepContext]


@tool(effect="irreversible")
async def send_welcome_email(to: str, template: str = "welcome", tags: list[str] | None = None) -> dict[str, Any]:
    """Send a welcome e-mail. Use it once per customer."""
    return {"sent_to": to, "template": template, "tags": tags or []}


def lookup(customer_id: int, context: StepContext) -> list[Any]:
    """Find a customer."""
    return [customer_id, context.path]


@pytest.fixture
def run(make_context: Make) -> Callable[..., Any]:
    tools = Tools([send_welcome_email, lookup])

    async def go(given: Any = None, name: str = "send_welcome_email", **config: Any) -> Any:
        context = make_context(tools, input=given, name=name)
        return await ToolStep().run(context, ToolConfig.model_validate(config))

    return go


@pytest.mark.capability("I06", "T08", "X-5")
async def test_a_tool_is_run_with_its_arguments(run: Any) -> None:
    response = await run(tool="send_welcome_email", args={"to": "ann@example.com", "tags": ["new"]})
    assert response == {"sent_to": "ann@example.com", "template": "welcome", "tags": ["new"]}


@pytest.mark.capability("X30", "A17")
async def test_without_a_name_the_steps_own_is_looked_up(run: Any) -> None:
    assert (await run(args={"to": "a"}))["sent_to"] == "a"
    assert await run({"customer_id": "7", "more": 1}, name="lookup") == [7, "orders[3].charge"]


@pytest.mark.capability("X30")
async def test_an_unknown_tool_is_named_with_the_nearest(run: Any) -> None:
    with pytest.raises(StepError) as caught:
        await run(name="send_welcom_email")
    assert str(caught.value) == ("there is no tool 'send_welcom_email'. Did you mean 'send_welcome_email'?")
    assert (caught.value.code, caught.value.category) == ("tool_unknown", "validation")


async def test_a_tool_given_by_python_needs_no_registry(make_context: Make) -> None:
    config = ToolConfig(tool=send_welcome_email, args={"to": "ann@example.com"})
    assert (await ToolStep().run(make_context(), config))["sent_to"] == "ann@example.com"
    with pytest.raises(NotFoundError, match="needs Tools"):
        await ToolStep().run(make_context(), ToolConfig(tool="x"))


async def test_a_secret_is_told_to_the_tool_and_to_nobody_else(make_context: Make) -> None:
    """Neither by what it gives nor by what it raises, whatever form it has there; short ones would mask everything."""
    told: list[str] = []

    @tool
    def knock(word: str) -> dict[str, Any]:
        """Knock at the door."""
        told.append(word)
        if word == "moon":
            raise StepError(f"not with {word}", category="transient", retry_after=3, code="shut", tried=[word])
        return {word: [word, f"'{word}'", 7]}

    async def at_the_door(word: str) -> Any:
        return await ToolStep().run(make_context(), ToolConfig(tool=knock, args={"word": Secret(word)}))

    assert await at_the_door("sesame") == {"***": ["***", "'***'", 7]}
    assert await at_the_door("a") == {"a": ["a", "'a'", 7]}
    with pytest.raises(StepError) as caught:
        await at_the_door("moon")
    error = caught.value
    assert (error.message, error.code, error.category, error.retry_after) == ("not with ***", "shut", "transient", 3)
    assert error.details == {"tried": ["***"]} and error.__cause__ is None and error.__suppress_context__
    assert told == ["sesame", "a", "moon"]


async def test_wrong_arguments_are_named(run: Any) -> None:
    with pytest.raises(StepError) as caught:
        await run(tool="lookup", args={"customer": 1})
    assert str(caught.value) == (
        "tool 'lookup' cannot be called: argument 'customer_id' is missing; "
        "there is no argument 'customer' (did you mean 'customer_id'?). It takes customer_id."
    )


def test_a_schema_comes_from_the_signature() -> None:
    assert send_welcome_email.parameters == {
        "type": "object",
        "properties": {
            "to": {"type": "string"},
            "template": {"type": "string", "default": "welcome"},
            "tags": {"anyOf": [{"items": {"type": "string"}, "type": "array"}, {"type": "null"}], "default": None},
        },
        "required": ["to"],
        "additionalProperties": False,
    }
    assert (send_welcome_email.name, send_welcome_email.effect) == ("send_welcome_email", "irreversible")
    assert send_welcome_email.description == "Send a welcome e-mail. Use it once per customer."


async def test_a_given_schema_is_held_up(make_context: Make) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 5}}, "required": ["n"]}
    limited = Tool("limited", "Counts.", lambda n: n + 1, schema=schema)
    assert limited.parameters == schema
    assert await limited.run({"n": 5}, make_context()) == 6
    with pytest.raises(StepError, match=r"^tool 'limited' cannot be called: arguments\.n: 6 is more than 5\.$"):
        await limited.run({"n": 6}, make_context())


def test_a_tool_can_be_called_as_the_function_it_is() -> None:
    assert Tool("double", "Doubles.", lambda n: 2 * n)(4) == 8


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Tool("a b", "x", len), "has other characters than letters, digits, '_' and '-'"),
        (lambda: Tool("a", " ", len), "tool 'a' has no description. Say when to use it"),
        (lambda: tool(lambda: 1), "tool name '<lambda>' has other characters"),
        (lambda: Tool("a", "x", _takes_a_file).parameters, "tool 'a' has a parameter that JSON cannot hold"),
    ],
)
def test_a_tool_no_model_could_use_is_refused(make: Callable[[], Any], problem: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert problem in str(caught.value)


class _File: ...


def _takes_a_file(file: _File) -> None: ...


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConflictError, match="tool 'lookup' is registered twice"):
        Tools([lookup, lookup])
