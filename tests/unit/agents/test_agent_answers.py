"""The form of an agent's answer: asked for, judged, sent back."""

import json
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from agents import Call, Script, Tool, Turn
from agents.models.scripted import ScriptedModel
from graphs.errors import StepError


class Verdict(BaseModel):
    score: float
    label: str


SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "number", "maximum": 1}, "label": {"enum": ["good", "bad"]}},
    "required": ["score", "label"],
}


async def test_an_answer_has_the_form_that_was_asked_for(run: Any) -> None:
    good = Script("form", turns=(Turn(structured={"score": 0.9, "label": "good"}),))
    response = await run(good, model="scripted:form", message="Judge", output_schema=SCHEMA)
    assert response["structured"] == {"score": 0.9, "label": "good"}
    assert json.loads(response["answer"]) == response["structured"]
    assert response["tool_calls"] == []
    assert (await run(good, model="scripted:form", message="Judge", output_schema=Verdict))["structured"] == {
        "score": 0.9,
        "label": "good",
    }


async def test_an_unfit_answer_is_sent_back_with_what_is_wrong(run: Any) -> None:
    script = Script("learner", turns=(Turn(structured={"score": 7}), Turn(structured={"score": 0.7, "label": "bad"})))
    response = await run(script, model="scripted:learner", message="Judge", output_schema=SCHEMA)
    assert response["structured"] == {"score": 0.7, "label": "bad"}
    assert response["turns"] == 2
    assert response["messages"][2]["content"] == (
        "The answer does not fit its schema: answer.label is missing; answer.score: 7 is more than 1. Answer again."
    )


async def test_tools_come_before_a_formed_answer(run: Any) -> None:
    script = Script(
        "both", turns=(Turn(calls=(Call("add", {"a": 1, "b": 1}),)), Turn(structured={"score": 1, "label": "good"}))
    )
    response = await run(script, model="scripted:both", message="Judge", output_schema=SCHEMA, tools=["add"])
    assert response["structured"]["score"] == 1
    assert len(response["tool_calls"]) == 1


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}}, [1, 2]),
        ({"oneOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ({"type": "string", "enum": ["a"]}, "a"),
    ],
)
async def test_an_answer_need_not_be_an_object(run: Any, schema: Any, value: Any) -> None:
    script = Script("any", turns=(Turn(structured={"value": value}),))
    assert (await run(script, model="scripted:any", message="?", output_schema=schema))["structured"] == value


async def test_a_formed_answer_may_be_written_as_json(run: Any) -> None:
    script = Script("writer", turns=(Turn('{"score": 0, "label": "bad"}'),))
    response = await run(script, model="scripted:writer", message="Judge", output_schema=SCHEMA)
    assert response["structured"] == {"score": 0, "label": "bad"}


async def test_an_answer_in_no_form_fails(run: Any) -> None:
    for text, problem in (("no idea", "it is no JSON: 'no idea'"), ('{"score": 0}', "answer.label is missing")):
        with pytest.raises(StepError, match=r"^agent 'charge' gave an answer that does not fit its schema") as caught:
            await run(
                Script("w", turns=(Turn(text),)), model="scripted:w", message="?", output_schema=SCHEMA, max_reasks=0
            )
        assert problem in str(caught.value)
        assert (caught.value.code, caught.value.category) == ("answer_unfit", "dependency")
    with pytest.raises(StepError, match=r"^agent 'charge' gave an empty answer\.$"):
        await run(Script("w", turns=(Turn(" "),)), model="scripted:w", message="?")


async def test_a_schema_that_is_none_is_refused_before_the_model_is_paid(run: Any) -> None:
    with pytest.raises(StepError, match="the JSON Schema cannot be used"):
        await run(message="?", output_schema={"type": "nonsense"})


@pytest.mark.capability("O02", "O01")
async def test_a_tool_that_is_called_as_formed_answers_are_is_refused(run: Any) -> None:
    named = {"tools": [Tool("final_answer", "Ends.", lambda: None)], "message": "?"}
    assert (await run(model="scripted:echo", **named))["answer"] == "You said: ?"
    with pytest.raises(StepError, match="'final_answer', which is how it answers in a form") as caught:
        await run(model="scripted:echo", output_schema=SCHEMA, **named)
    assert caught.value.code == "tool_twice"


async def test_an_echo_fills_a_form_from_the_question(run: Any) -> None:
    schema = {
        "type": "object",
        "properties": {
            "route": {"enum": ["billing", "support"]},
            "why": {"type": "string"},
            "n": {"type": "integer"},
            "more": {"type": "object", "properties": {"ok": {"type": "boolean"}}},
        },
    }
    response = await run(message="Ask support, not billing", output_schema=schema)
    assert response["structured"] == {
        "route": "support",
        "why": "You said: Ask support, not billing",
        "n": 0,
        "more": {"ok": False},
    }


async def test_the_scripted_model_is_a_whole_langchain_model() -> None:
    model = ScriptedModel(script=Script("m", turns=(Turn("one two", structured={"score": 1, "label": "x"}),)))
    asked = [HumanMessage("hi")]
    assert model.invoke(asked).text == "one two"
    assert [chunk.text for chunk in model.stream(asked)][:2] == ["one ", "two"]
    assert model.with_structured_output(Verdict).invoke(asked) == Verdict(score=1, label="x")
    usage = (await model.ainvoke(asked)).usage_metadata
    assert usage == {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
