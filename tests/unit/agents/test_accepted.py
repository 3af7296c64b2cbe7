"""What providers refuse of names, ids and schemas is not sent to them: the demo's provider refuses it as OpenAI."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents import Call, Models, Script, Tool, Tools, Turn
from agents.models.accepted import accepted_id, accepted_name, accepted_schema
from api.demo.provider import Provider, serving
from tests.support.engine.engines import act, engine, run, workflow

LONG = "l" * 100
CLERK = Script(
    "clerk",
    turns=(
        Turn("Looking.", calls=(Call("functions.find", {"id": 7}), Call("finde Straße", {}), Call("f" * 200, {}))),
        Turn(calls=(Call("find", {"id": 7}),)),
        Turn("It is shipped.", structured={"value": {"by": "ship"}}),
    ),
)
EITHER = {
    "type": "object",
    "properties": {"by": {"type": "string"}, "to": {"$ref": "#/definitions/place"}, "all": {"type": "array"}},
    "anyOf": [{"required": ["by"]}, {"required": ["to"]}],
    "definitions": {"place": {"type": "array"}},
}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Provider, str]]:
    provider = Provider([CLERK])
    with serving(provider) as url:
        yield provider, url


def find(**arguments: Any) -> str:
    return f"found {arguments['id']}"


@pytest.mark.capability("I05", "I06", "security-A18")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_tool_nobody_has_ends_nobodys_work_whatever_it_is_called(
    running: tuple[Provider, str], tmp_path: Path, stream: bool
) -> None:
    """Models call `functions.find` and `multi_tool_use.parallel`: sent back as they stand, OpenAI refuses the request.

    Nor does a tool whose schema combines others, a list that does not say what it holds, or a workflow's long name.
    """
    provider, url = running
    provider.asked.clear()
    schema = {"type": "object", "properties": {"id": {}, "of": {"type": "array"}}, "anyOf": [{"required": ["id"]}]}
    tool = Tool("find", "Finds.", find, schema)
    step = {"name": LONG, "type": "act", "description": "Acts.", "config": {"value": 1}}
    config = {"model": "openai:clerk", "message": "Where is 7?", "tools": ["find", {"workflow": f"a.{LONG}"}]}
    ask = {"name": "ask", "type": "agent", "config": config | {"stream": stream, "output_schema": EITHER}}
    models = Models(settings={"openai": {"base_url": url, "api_key": "sk-none"}})
    inner = workflow(
        f"a.{LONG}", [act("x")], input={"schema": {"type": "object", "properties": {"a": {"type": "array"}}}}
    )
    async with engine(tmp_path / "b.db", resources=[models, Tools([tool])], workflows=[inner]) as baton:
        execution = await run(baton, workflow("w", [ask | {"steps": [step]}]))
    assert execution.status == "completed", execution.error
    assert execution.output["structured"] == {"by": "ship"}
    errors = [call["error"] for call in execution.output["tool_calls"] if "error" in call]
    assert [error.split("'")[1] for error in errors] == ["functions.find", "finde Straße", "f" * 200]
    assert all(one.answered for one in provider.asked)
    told = {one["function"]["name"]: one["function"]["parameters"] for one in provider.asked[0].body["tools"]}
    assert told["find"]["properties"]["of"] == {"type": "array", "items": {}}
    assert {len(name) for name in told if "lll" in name} == {64}


def test_what_is_accepted_stays_as_it_is() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}, "required": ["a"]}
    assert accepted_schema(schema) == schema
    assert (accepted_name("find-it_2"), accepted_id("functions.find:0")) == ("find-it_2", "functions.find:0")


def test_what_is_too_long_is_shortened_to_the_same_every_time() -> None:
    ids = {accepted_id("chatcmpl-tool-" + digit * 32) for digit in "0123"}
    assert {len(one) for one in ids} == {40} and len(ids) == 4
    assert accepted_id("a" * 41) == accepted_id("a" * 41)
    assert accepted_name("") == "unnamed"


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (
            {"properties": {"a": {"type": ["array", "null"]}}},
            {"properties": {"a": {"type": ["array", "null"], "items": {}}}},
        ),
        ({"allOf": [{"properties": {}}]}, {}),
        (
            {"properties": {"a": {"anyOf": [{"type": "array"}]}}},
            {"properties": {"a": {"anyOf": [{"type": "array", "items": {}}]}}},
        ),
        (
            {"properties": {"a": True, "b": {"prefixItems": [{}], "type": "array"}}},
            {"properties": {"a": True, "b": {"prefixItems": [{}], "type": "array"}}},
        ),
    ],
)
def test_what_is_not_is_told_as_near_as_may_be(schema: dict[str, Any], told: dict[str, Any]) -> None:
    assert accepted_schema(schema) == {"type": "object", **told}
