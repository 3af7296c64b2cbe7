"""A conversation as a LangGraph graph: messages in, messages out. What chat clients of LangGraph speak to when nobody
has made anything for them.

    agent   lets an agent answer: an execution of its own, with the id of the run, in which every call of the model and
            of a tool is a step, under the limits, circuit breakers, retries, budgets and figures there are for steps
    ask     asks a person, where that execution does; one question in one task, so that an answer belongs to it alone

The agent is the application's default model, with the tools that change nothing in the world outside. Whatever acts
belongs in a workflow, where it is approved and undone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final, Literal, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, SystemMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt

from agents.planning.bounds import AssistantBounds, within
from agents.reasoning.messages import keep
from agents.tools.tools import Tools
from graphs.errors import ConflictError, InputError, StepError
from graphs.policies.breaker import BreakerOpenError
from graphs.spec import Workflow
from graphs.state import ExecutionStatus
from orchestrator.bus import given_up
from orchestrator.engine import Orchestrator
from orchestrator.engine.looking import STOPS
from orchestrator.serving.answers import answers_to, interrupt_id, question_of
from orchestrator.serving.carrying import asked_by
from orchestrator.serving.speaking import Speaking
from orchestrator.store.port import Execution, OpenWait
from orchestrator.store.served.values import Run
from orchestrator.tenancy import STARTED_BY

EXECUTION: Final = "execution"
"""The key of a question that says whose it is."""

_AGENT: Final = "agent"
_ASK: Final = "ask"
_TURNS: Final = 25
"""How often the model may be asked for one answer."""


class _Question(TypedDict):
    execution: str
    asked: str


def answer_of(name: str, resources: Mapping[type, Any]) -> Workflow:
    """The workflow that gives one answer."""
    bounds: AssistantBounds = resources[AssistantBounds]
    config: dict[str, Any] = {"messages": "{{ input.messages }}", "tools": _harmless(resources), "max_turns": _TURNS}
    if bounds.budget is not None:
        config["budget"] = bounds.budget.model_dump(exclude_none=True)
    return Workflow.model_validate(
        {
            "metadata": {"name": name, "version": "1.0", "description": "One answer in a conversation"},
            # Without an input: the workflow's would be put to the agent as the last of the messages.
            "spec": {
                "config": {"retry_policy": {}, "breaker": bounds.breaker},
                "steps": [{"name": _AGENT, "type": "agent", "input": "{{ none }}", "config": config}],
            },
        }
    )


def _harmless(resources: Mapping[type, Any]) -> list[str]:
    tools: Tools = resources[Tools]
    bounds: AssistantBounds = resources[AssistantBounds]
    found = [tools.get(name) for name in within(tools.names(), bounds.tools)]
    return [tool.name for tool in found if tool.effect == "none" and tool.approval is None]


def conversing(name: str, baton: Orchestrator, tenant: str) -> Any:
    """The graph, for one tenant.

    Args:
        name: What it is served as.
    """
    nodes = _Nodes(answer_of(name, baton.resources), baton, tenant)
    graph = StateGraph(MessagesState)
    graph.add_node(_AGENT, nodes.agent, destinations=(_ASK,))
    graph.add_node(_ASK, nodes.ask, input_schema=_Question, destinations=(_AGENT,))
    graph.add_edge(START, _AGENT)
    return graph.compile(name=name)


class _Nodes:
    def __init__(self, workflow: Workflow, baton: Orchestrator, tenant: str) -> None:
        self._workflow = workflow
        self._baton = baton
        self._tenant = tenant

    async def agent(self, state: MessagesState, config: RunnableConfig) -> Command[Literal["ask"]] | dict[str, Any]:
        """Let the agent answer; behind a question, let it go on."""
        given: Mapping[str, Any] = state
        execution_id = given.get(EXECUTION) or str(config["configurable"]["run_id"])
        speaking = Speaking(execution_id, config)
        await self._set_going(execution_id, given, config)
        execution, asked = await self._follow(execution_id, speaking, words=self._is_heard(config))
        if asked:
            return _go(_ASK, execution=execution_id, asked=interrupt_id(asked[0]))
        if execution.status is not ExecutionStatus.COMPLETED:
            raise _failure(execution)
        return {"messages": await self._said(execution_id, speaking)}

    async def ask(self, state: _Question, config: RunnableConfig) -> Command[Literal["agent"]]:
        """Ask a person."""
        execution_id = state["execution"]
        open_ones = await self._baton.waits(execution_id)
        wait = next((each for each in open_ones if interrupt_id(each) == state["asked"]), None)
        if wait is not None:
            answer = interrupt({**question_of(wait), EXECUTION: execution_id})
            if not await self._decided(wait, answer, config):
                return _go(_ASK, **state)
        return _go(_AGENT, execution=execution_id)

    async def _set_going(self, execution_id: str, given: Mapping[str, Any], config: RunnableConfig) -> None:
        if await self._baton.store.execution(execution_id) is None:
            names, run = config["configurable"], self._run(config)
            by = run.request.get(STARTED_BY) if run is not None else None
            await self._baton.start(
                self._workflow,
                {"messages": [_told(message) for message in given.get("messages") or ()]},
                execution_id=execution_id,
                metadata={"thread_id": str(names["thread_id"]), **({STARTED_BY: by} if by else {})},
                priority=run.priority if run is not None else 0,
                tenant=self._tenant,
            )
        elif not self._baton.driving(execution_id):
            execution = await self._baton.get(execution_id)
            if not execution.status.final:
                await self._baton.resume(execution_id)

    async def _follow(
        self, execution_id: str, speaking: Speaking, *, words: bool
    ) -> tuple[Execution, Sequence[OpenWait]]:
        """Pass on what is said, until there is an answer, or none, or something is asked."""
        with self._baton.listen(execution_id, words=words) as live:
            while True:
                execution = await self._baton.get(execution_id)
                waits = await asked_by(self._baton, execution_id)
                asked = [wait for wait in waits if wait.wait.kind == "approval"]
                if execution.status.final or (
                    asked and execution.status.resting and not self._baton.driving(execution_id)
                ):
                    for record in live.left():
                        await speaking.record(record)
                    return execution, () if execution.status.final else asked
                heard = await live.next()
                while heard is not None and heard.kind not in STOPS:
                    await speaking.record(heard)
                    heard = await live.next()
                if heard is None:  # the engine stops: the next one goes on
                    raise asyncio.CancelledError
                if (failure := given_up(heard)) is not None:
                    raise failure

    async def _said(self, execution_id: str, speaking: Speaking) -> list[AnyMessage]:
        """The messages of an answer: what the model said, and what its tools gave."""
        results = await self._baton.results(execution_id)
        paths = (f"{_AGENT}[{number}].model" for number in count())
        spoken: list[AIMessage] = []
        for path in paths:
            if path not in results:
                break
            if "message" in (output := results[path].get("output") or {}):
                spoken.append(speaking.message(path, output))
        shown = results[_AGENT]["output"]["messages"]
        since = len(shown) - len(spoken) - sum(len(message.tool_calls) for message in spoken)
        said = iter(spoken)
        return [next(said) if each["role"] == "assistant" else _given_by_tool(each) for each in shown[since:]]

    async def _decided(self, wait: OpenWait, answer: Any, config: RunnableConfig) -> bool:
        """Whether a person's answer is one, and is kept; of two, the first is."""
        try:
            [(_, said)] = answers_to([wait], answer)
            await self._baton.decide(
                wait.execution_id,
                wait.path,
                said.decision,
                by=run.request.get(STARTED_BY) if (run := self._run(config)) is not None else None,
                data=said.data,
                reason=said.reason,
            )
        except InputError:
            return False
        except ConflictError:
            pass
        return True

    def _is_heard(self, config: RunnableConfig) -> bool:
        """Whether a client wants the words as they are said."""
        run = self._run(config)
        asked = run.request.get("stream_mode") or () if run is not None else ()
        modes = {asked} if isinstance(asked, str) else set(asked)
        return bool(modes & {"messages", "messages-tuple", "events"})

    def _run(self, config: RunnableConfig) -> Run | None:
        return self._baton.store.run(str(config["configurable"]["run_id"]), self._tenant)


def _go(node: str, **given: Any) -> Command[Any]:
    return Command(goto=Send(node, given))


def _told(message: AnyMessage) -> dict[str, Any]:
    if isinstance(message, AIMessage):
        return {"role": "assistant", "ai": keep(message)}
    if isinstance(message, ToolMessage):
        whose = {"tool_call_id": message.tool_call_id, "name": message.name, "status": message.status}
        return {"role": "tool", "content": message.content, **whose}
    return {"role": "system" if isinstance(message, SystemMessage) else "user", "content": message.content}


def _given_by_tool(shown: Mapping[str, Any]) -> ToolMessage:
    return ToolMessage(content=shown["content"], tool_call_id=shown["tool_call_id"], name=shown["name"])


def _failure(execution: Execution) -> StepError:
    error = execution.error or {}
    code = str(error.get("code") or "answer_failed")
    # What to do about a breaker is for whoever runs this, and not for whoever chats.
    told = ("message",) if code == BreakerOpenError.code else ("message", "hint")
    said = " ".join(str(error[key]) for key in told if error.get(key))
    return StepError(said or f"the answer {execution.status.said}.", code=code)
