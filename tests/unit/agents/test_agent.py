"""The `agent` step against the scripted model: the loop, its limits, its isolation."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from pydantic import ValidationError

from agents import Agent, Agents, Call, Failure, Models, Rule, Script, Tool, Tools, Turn
from agents.models.models import split_name
from agents.models.scripted import ScriptedModel
from agents.reasoning.agent import AgentStep
from agents.reasoning.agent_config import AgentConfig
from graphs.errors import StepError
from graphs.expressions import Secret
from graphs.steps import StepContext

from .conftest import add, work

Make = Callable[..., StepContext]


@pytest.mark.capability("I05", "T07")
async def test_an_agent_answers(run: Any) -> None:
    response = await run(message="Where is my order?", instructions="Be kind.")
    assert response == {
        "answer": "You said: Where is my order?",
        "structured": None,
        "messages": [
            {"role": "user", "content": "Where is my order?"},
            {"role": "assistant", "content": "You said: Where is my order?"},
        ],
        "tool_calls": [],
        "usage": {"input_tokens": 7, "output_tokens": 8, "total_tokens": 15},
        "turns": 1,
        "refused": 0,
        "agent": "charge",
        "model": "scripted:echo",
    }


@pytest.mark.capability("I07", "T13", "I06")
async def test_an_agent_reasons_and_acts_until_it_has_an_answer(run: Any) -> None:
    script = Script(
        "sums",
        turns=(
            Turn("Adding.", calls=(Call("add", {"a": 1, "b": 2}), Call("add", {"a": "3", "b": 4}))),
            Turn(calls=(Call("add", {"a": 5, "b": 6}),)),
            Turn("Done."),
        ),
    )
    response = await run(script, model="scripted:sums", message="Add", tools=["add"])
    assert (response["answer"], response["turns"]) == ("Done.", 3)
    key = "exec-1:orders[3].charge"
    assert response["tool_calls"] == [
        {"name": "add", "args": {"a": 1, "b": 2}, "result": {"sum": 3, "key": f"{key}[0].add-0:0"}},
        {"name": "add", "args": {"a": "3", "b": 4}, "result": {"sum": 7, "key": f"{key}[0].add-1:0"}},
        {"name": "add", "args": {"a": 5, "b": 6}, "result": {"sum": 11, "key": f"{key}[1].add-0:0"}},
    ]
    assert [message["role"] for message in response["messages"]] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
        "assistant",
    ]
    assert response["messages"][1]["tool_calls"][0] == {"id": "call_0_0", "name": "add", "args": {"a": 1, "b": 2}}
    assert json.loads(response["messages"][2]["content"])["sum"] == 3
    assert response["usage"]["total_tokens"] > 0


async def test_tool_errors_are_told_to_the_model(run: Any) -> None:
    calls = (Call("explode"), Call("add", {"a": 1}), Call("rm_rf", {"path": "/"}))
    script = Script("errs", turns=(Turn(calls=calls), Turn("I see.")))
    response = await run(script, model="scripted:errs", message="Go", tools=["add", "explode"])
    assert [call["error"] for call in response["tool_calls"]] == [
        "Error: ValueError: the boiler burst",
        "Error: tool 'add' cannot be called: argument 'b' is missing. It takes a, b.",
        "Error: there is no tool 'rm_rf'. Tools: add, explode.",
    ]
    assert response["messages"][2]["content"] == "Error: ValueError: the boiler burst"


async def test_a_tool_outside_the_allow_list_is_refused_even_when_registered(run: Any) -> None:
    script = Script("sly", turns=(Turn(calls=(Call("explode"),)), Turn("ok")))
    response = await run(script, model="scripted:sly", message="Go", tools=["add"])
    assert response["tool_calls"] == [
        {"name": "explode", "args": {}, "error": "Error: there is no tool 'explode'. Tools: add."}
    ]


async def test_an_agent_without_tools_that_calls_one_is_told(run: Any) -> None:
    script = Script("sly", turns=(Turn(calls=(Call("add"),)), Turn("ok")))
    response = await run(script, model="scripted:sly", message="Go")
    assert response["tool_calls"][0]["error"] == "Error: there is no tool 'add'. Tools: none."


async def test_turns_are_limited(run: Any) -> None:
    endless = Script("endless", rules=(Rule(".", Turn(calls=(Call("add", {"a": 1, "b": 1}),))),))
    with pytest.raises(StepError) as caught:
        await run(endless, model="scripted:endless", message="Go", tools="add", max_turns=3, agent={"name": "looper"})
    assert str(caught.value) == (
        "agent 'looper' has no answer after 3 turns. Give it more with 'max_turns', or a task it can finish."
    )
    assert (caught.value.code, caught.value.category, caught.value.details) == ("turn_limit", "budget", {"turns": 3})


async def test_the_prompt_is_put_together(run: Any) -> None:
    response = await run(
        messages=[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Yes?"}],
        prompt={"order": 7},
        context={"customer": "Ann", "card": Secret("4111")},
    )
    assert [message["content"] for message in response["messages"][:-1]] == [
        "Hello",
        "Yes?",
        '{"order": 7}\n\nContext:\n{"customer": "Ann", "card": "***"}',
    ]


@pytest.mark.capability("F01", "I25")
async def test_without_a_message_the_steps_input_is_asked_and_secrets_are_masked(run: Any) -> None:
    response = await run(given={"q": "why", "key": Secret("x")})
    assert response["messages"][0]["content"] == '{"q": "why", "key": "***"}'


async def test_an_agent_that_is_asked_nothing_is_not_paid(run: Any) -> None:
    with pytest.raises(StepError) as caught:
        await run()
    assert str(caught.value) == (
        "the agent is asked nothing: the step has neither a message nor an input. Give it a 'message'."
    )
    response = await run(messages=[{"role": "user", "content": "Hi"}])
    assert response["answer"] == "You said: Hi"


@pytest.mark.capability("A25", "X02")
async def test_named_agents_and_what_the_step_says_over_them(run: Any) -> None:
    seen = Script("see", rules=(Rule(r".*", Turn("ok")),))
    agents = Agents(
        [
            Agent(
                name="billing",
                instructions=lambda state: f"You serve {state['customer']}.",
                model="scripted:see",
                tools=["add"],
                capabilities=["billing", "refunds"],
            ),
            Agent(name="second", model="scripted:see", capabilities=["refunds"]),
        ]
    )
    state = {"customer": "Ann"}
    response = await run(seen, agent="billing", message="Hi", state=state, resources=[agents])
    assert (response["agent"], response["model"], response["answer"]) == ("billing", "scripted:see", "ok")
    response = await run(seen, agent="billing", model="scripted:echo", message="Hi", state=state, resources=[agents])
    assert response["model"] == "scripted:echo"


@pytest.mark.capability("I10")
async def test_a_capability_finds_the_first_agent_that_has_it(run: Any) -> None:
    agents = Agents(
        [
            Agent(name="a", capabilities=["x"]),
            Agent(name="b", capabilities=["refunds", "x"]),
            Agent(name="c", capabilities="refunds"),
        ]
    )
    response = await run(agent_capability="refunds", message="Hi", resources=[agents])
    assert response["agent"] == "b"
    with pytest.raises(StepError) as caught:
        await run(agent_capability="law", message="Hi", resources=[agents])
    assert str(caught.value) == "no agent has the capability 'law'. Capabilities here: refunds, x."
    with pytest.raises(StepError, match="there is no agent 'd'"):
        await run(agent="d", message="Hi", resources=[agents])


async def test_two_tools_of_one_name_are_refused(run: Any) -> None:
    with pytest.raises(StepError, match="the agent is given two tools called 'add'"):
        await run(message="Hi", tools=[add, Tool("add", "Other.", len)])


async def test_progress_tells_turns_tools_and_words(run: Any) -> None:
    script = Script("talk", turns=(Turn(calls=(Call("add", {"a": 1, "b": 1}),)), Turn("It is two.")))
    said: list[Any] = []
    response = await run(script, model="scripted:talk", message="?", tools=["add"], stream=True, progress=said.append)
    assert response["answer"] == "It is two."
    assert response["usage"]["output_tokens"] > 0
    assert said == [
        {"kind": "turn", "turn": 1},
        {"kind": "tool", "turn": 1, "tool": "add", "args": {"a": 1, "b": 1}},
        {"kind": "turn", "turn": 2},
        {"kind": "token", "text": "It "},
        {"kind": "token", "text": "is "},
        {"kind": "token", "text": "two."},
    ]


async def test_a_huge_tool_result_does_not_crowd_out_the_question(run: Any) -> None:
    big = Tool("big", "Big.", lambda: "x" * 60_000)
    script = Script("reader", turns=(Turn(calls=(Call("big"),)), Turn("ok")))
    response = await run(script, model="scripted:reader", message="?", tools=[big])
    assert response["messages"][2]["content"].endswith("… (10000 more characters)")


@pytest.mark.parametrize(
    ("kind", "category", "code"),
    [
        ("rate_limit", "transient", "model_rate_limited"),
        ("timeout", "transient", "model_timeout"),
        ("connection", "dependency", "model_unreachable"),
        ("server", "dependency", "model_failed"),
        ("authentication", "logic", "model_unauthorized"),
        ("invalid", "validation", "model_request_invalid"),
        ("context_overflow", "validation", "context_overflow"),
        ("content_filter", "validation", "content_filtered"),
    ],
)
@pytest.mark.capability("E21")
async def test_a_models_failure_is_of_a_kind(run: Any, kind: Any, category: str, code: str) -> None:
    script = Script("f", turns=(Turn("ok", failures=(Failure(kind, message="because"),)),))
    with pytest.raises(StepError) as caught:
        await run(script, model="scripted:f", message="?")
    assert (caught.value.category, caught.value.code) == (category, code)
    assert caught.value.message.startswith("model 'scripted:f' ")
    assert caught.value.message.endswith(": because")


@pytest.mark.capability("E03")
async def test_a_retry_after_a_scripted_failure_gets_the_answer(make_context: Make) -> None:
    failures = (Failure("rate_limit", retry_after=7), Failure("server"))
    models = Models(allow_real=False, scripts=[Script("f", turns=(Turn("ok", failures=failures),))])
    config = {"model": "scripted:f", "message": "?"}
    with pytest.raises(StepError) as caught:
        await work(make_context(models), config)
    assert caught.value.retry_after == 7
    with pytest.raises(StepError, match="failed at its provider's"):
        await work(make_context(models), config)
    assert (await work(make_context(models), config))["answer"] == "ok"


async def test_a_script_that_has_ended_says_so(run: Any) -> None:
    with pytest.raises(StepError) as caught:
        await run(Script("short"), model="scripted:short", message="Hello")
    assert str(caught.value) == (
        "script 'short' has nothing to say to 'Hello' (turn 1). "
        "Give it another turn, a rule that fits, or otherwise='echo'."
    )


async def test_rules_answer_with_what_they_matched(run: Any) -> None:
    script = Script("rules", rules=(Rule(r"order (?P<id>\d+)", Turn(r"Order \g<id> is on its way.")),))
    response = await run(script, model="scripted:rules", message="Where is ORDER 42?")
    assert response["answer"] == "Order 42 is on its way."


@pytest.mark.capability("I07")
async def test_an_agent_inside_a_graph_leaves_no_trace_in_its_checkpoints(make_context: Make) -> None:
    script = Script("t", turns=(Turn(calls=(Call("add", {"a": 1, "b": 1}),)), Turn("two")))
    models = Models(allow_real=False, scripts=[script])
    context = make_context(models, Tools([add]))
    config = {"model": "scripted:t", "message": "?", "tools": ["add"]}

    class State(TypedDict):
        answer: str

    async def node(state: State) -> State:
        return {"answer": (await work(context, config))["answer"]}

    graph: Any = StateGraph(State)
    graph.add_node("react_agent", node).add_edge(START, "react_agent").add_edge("react_agent", END)
    saver = InMemorySaver()
    compiled = graph.compile(checkpointer=saver)
    streamed = [
        part
        async for part in compiled.astream(
            {"answer": ""},
            {"configurable": {"thread_id": "t1"}},
            stream_mode=["messages", "updates"],
            subgraphs=True,
        )
    ]
    assert set(saver.storage["t1"]) == {""}
    assert {namespace for _, namespace, _ in saver.writes} == {""}
    assert streamed == [((), "updates", {"react_agent": {"answer": "two"}})]


async def test_cancelling_the_step_cancels_the_agent(make_context: Make) -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    script = Script("w", turns=(Turn(calls=(Call("wait"),)),))
    config = {"model": "scripted:w", "message": "?", "tools": [Tool("wait", "Waits.", wait)]}
    models = Models(allow_real=False, scripts=[script])
    task = asyncio.create_task(work(make_context(models), config))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


async def test_real_models_can_be_switched_off(run: Any) -> None:
    with pytest.raises(StepError) as caught:
        await run(model="openai:gpt-5-mini", message="?")
    assert str(caught.value) == (
        "model 'openai:gpt-5-mini' is a real one, and real models are switched off here. "
        "Use 'scripted:NAME', or allow them: Models(allow_real=True) and no BATON_REAL_MODELS."
    )
    assert caught.value.code == "model_refused"
    given = ScriptedModel(script=Script("given", otherwise="echo"))
    assert (await run(model=given, message="?"))["model"] == "ScriptedModel"


async def test_a_model_must_be_named_fully(make_context: Make) -> None:
    with pytest.raises(StepError) as caught:
        split_name("gpt-5-mini")
    assert str(caught.value) == (
        "model 'gpt-5-mini' does not say which provider it is of. "
        "Write 'provider:model', such as 'openai:gpt-5-mini' or 'scripted:echo'."
    )
    with pytest.raises(StepError, match=r"^no model is named\."):
        await work(make_context(Models()), {"message": "?"})
    with pytest.raises(StepError, match=r"there is no script 'ecko'\. Did you mean 'echo'"):
        await work(make_context(Models()), {"message": "?", "model": "scripted:ecko"})


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"message": "a", "prompt": "b"}, "are the same; give one"),
        ({"agent": "a", "agent_capability": "b"}, "give either 'agent' or 'agent_capability'"),
        ({"agent": {"instrctions": "x"}}, "Extra inputs are not permitted"),
        ({"max_turns": 0}, "greater than or equal to 1"),
        ({"tools": [5]}, "Input should be a valid string"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        AgentConfig.model_validate(config)


def test_agents_are_under_their_models_limits() -> None:
    assert AgentStep().limit(AgentConfig(model="openai:gpt-5")) == "openai:gpt-5"
    assert AgentStep().limit(AgentConfig(agent=Agent(model="openai:gpt-5"))) == "openai:gpt-5"
    assert AgentStep().limit(AgentConfig(agent="named")) is None
    assert AgentStep.node == "react_agent"
