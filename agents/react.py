"""The ReAct loop: LangChain's agent, kept apart from the graph that our steps run in (I07).

    react        one assignment, from prompt to response
    └── _Loop    between LangChain's agent and us: counts turns, calls our tools, checks answers, reads failures

Loaded through `agents.loading`: LangChain is slow to import.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, BaseMessage, ToolCall, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.types import Command

from agents.agent import Assignment, as_text
from agents.answers import AnswerForm
from agents.apart import apart
from agents.providers import explain
from agents.tools import Tool
from agents.values import shorten
from graphs.errors import BatonError, StepError
from graphs.steps import StepContext
from graphs.values import json_value

MAX_TOOL_RESULT: Final = 50_000
"""Characters of one tool's result that the model is told; more would crowd out the question."""


async def react(context: StepContext, assignment: Assignment) -> dict[str, Any]:
    """Let the agent work, and give the step's response.

    Raises:
        StepError: the model failed, its turns are used up, or its answer is none.
    """
    loop = _Loop(context, assignment)
    agent: Any = create_agent(
        assignment.model,
        tools=[_for_langchain(tool) for tool in assignment.tools],
        system_prompt=assignment.instructions or None,
        middleware=[loop],
        response_format=loop.form.strategy() if loop.form else None,
        checkpointer=False,
    )
    given = {"messages": [{"role": role, "content": text} for role, text in assignment.messages]}
    work = _streamed(agent, given, context) if assignment.stream else agent.ainvoke(given)
    return loop.response(await apart(work))


async def _streamed(agent: Any, given: dict[str, Any], context: StepContext) -> dict[str, Any]:
    last: dict[str, Any] = {}
    async for mode, value in agent.astream(given, stream_mode=["messages", "values"]):
        if mode == "values":
            last = value
        elif isinstance(value[0], AIMessageChunk) and value[0].text:
            context.progress({"kind": "token", "text": str(value[0].text)})
    return last


@dataclass(slots=True)
class _Called:
    """A tool call, with what came of it."""

    name: str
    args: dict[str, Any]
    number: int
    outcome: dict[str, Any] = field(default_factory=dict)


class _Loop(AgentMiddleware[Any, Any, Any]):
    """Stands around every model call and every tool call of one agent's work."""

    def __init__(self, context: StepContext, assignment: Assignment) -> None:
        super().__init__()
        self._context = context
        self._assignment = assignment
        self._allowed = {tool.name: tool for tool in assignment.tools}
        self.form = AnswerForm(assignment.schema) if assignment.schema is not None else None
        self.turns = 0
        self.calls: list[_Called] = []
        # Of the turn under way only: some providers begin anew with the same ids in every turn.
        self._open: dict[str, _Called] = {}

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        most = self._assignment.max_turns
        if self.turns >= most:
            raise StepError(
                f"agent '{self._assignment.agent}' has no answer after {most} turns.",
                category="budget",
                code="turn_limit",
                hint="Give it more with 'max_turns', or a task it can finish.",
                turns=most,
            )
        self.turns += 1
        self._context.progress({"kind": "turn", "turn": self.turns})
        try:
            response = await handler(request)
        except BatonError:
            raise
        except Exception as error:
            raise explain(error, self._assignment.model_name, self._context.clock.now()) or error from error
        message = next(one for one in response.result if isinstance(one, AIMessage))
        self._refuse_cut(message)
        _clean(message)
        told = self._mended(message)
        self._number(message, {one.tool_call_id: {"error": str(one.text)} for one in told})
        told += self._checked(response, message)
        response.result.extend(told)
        return response

    def _refuse_cut(self, message: AIMessage) -> None:
        """An answer the provider broke off is no answer, and must not travel on as one."""
        reason = message.response_metadata.get("finish_reason")
        model = f"model '{self._assignment.model_name}'"
        if reason == "content_filter":
            raise StepError(
                f"{model} refused the content.", category="validation", retryable=False, code="content_filtered"
            )
        if reason == "length":
            raise StepError(
                f"{model} was cut off at its limit of tokens.",
                category="resource",
                retryable=False,
                code="answer_cut",
                hint="Raise 'max_tokens', or ask for less.",
            )

    def _mended(self, message: AIMessage) -> list[ToolMessage]:
        """Calls whose arguments are no JSON become calls without any, each answered with what was wrong: LangChain
        sets them aside, which would end the loop as if the model had nothing more to say."""
        told: list[ToolMessage] = []
        for broken in message.invalid_tool_calls:
            call = ToolCall(name=broken["name"] or "unnamed", args={}, id=broken["id"], type="tool_call")
            message.tool_calls.append(call)
            text = f"Error: the arguments of this call are no JSON: {shorten(str(broken['args']), 200)}"
            told.append(ToolMessage(text, tool_call_id=str(call["id"]), name=call["name"], status="error"))
        message.invalid_tool_calls = []
        return told

    def _number(self, message: AIMessage, outcomes: dict[str, dict[str, Any]]) -> None:
        """Number the calls in the order the model made them, so that a repeated call has the key it had before."""
        own = self.form.tool if self.form else None
        self._open = {}
        for call in message.tool_calls:
            if call["name"] != own:
                called = _Called(call["name"], call["args"], len(self.calls), outcomes.get(str(call["id"]), {}))
                self.calls.append(called)
                self._open[str(call["id"])] = called

    def _checked(self, response: ModelResponse[Any], message: AIMessage) -> list[ToolMessage]:
        """LangChain does not hold answers against a JSON Schema; an unfit one is sent back with what is wrong."""
        if self.form is None or response.structured_response is None:
            return []
        problem = self.form.misfit(response.structured_response)
        if problem is None:
            return []
        response.structured_response = None
        response.result = [one for one in response.result if not isinstance(one, ToolMessage)]
        call = next(one for one in message.tool_calls if one["name"] == self.form.tool)
        refusal = f"The answer does not fit its schema: {problem}. Answer again."
        return [ToolMessage(refusal, tool_call_id=str(call["id"]), name=call["name"], status="error")]

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
    ) -> ToolMessage | Command[Any]:
        """Our tools are called by us: `handler` would run LangChain's, which are only their descriptions."""
        call = request.tool_call
        called = self._open[str(call["id"])]
        self._context.progress({"kind": "tool", "turn": self.turns, "tool": called.name, "args": called.args})
        try:
            called.outcome = {"result": await self._run(called)}
            text = shorten(as_text(called.outcome["result"]), MAX_TOOL_RESULT)
        except Exception as error:  # noqa: BLE001 - whatever a tool raises is told to the model, which may do better
            text = f"Error: {error}" if isinstance(error, BatonError) else f"Error: {type(error).__name__}: {error}"
            called.outcome = {"error": shorten(text, MAX_TOOL_RESULT)}
        status = "error" if "error" in called.outcome else "success"
        return ToolMessage(text, tool_call_id=str(call["id"]), name=called.name, status=status)

    async def _run(self, called: _Called) -> Any:
        tool = self._allowed.get(called.name)
        if tool is None:
            raise StepError(f"there is no tool '{called.name}'. Tools: {', '.join(self._allowed) or 'none'}.")
        # A key of its own for each call: two refunds in one step are two refunds.
        key = f"{self._context.idempotency_key}:tool-{called.number}"
        return await tool.run(called.args, replace(self._context, idempotency_key=key))

    def response(self, state: dict[str, Any]) -> dict[str, Any]:
        """What the step gives."""
        messages: list[AnyMessage] = state["messages"]
        last = next(one for one in reversed(messages) if isinstance(one, AIMessage))
        text, structured = str(last.text), None
        if self.form is not None:
            structured = self.form.value(state.get("structured_response"), text, self._assignment.agent)
            text = text or json.dumps(structured, ensure_ascii=False)
        elif not text.strip():
            raise StepError(
                f"agent '{self._assignment.agent}' gave an empty answer.", category="dependency", code="answer_empty"
            )
        return {
            "answer": text,
            "structured": structured,
            "messages": [_as_json(message) for message in messages],
            "tool_calls": [{"name": one.name, "args": one.args, **one.outcome} for one in self.calls],
            "usage": _usage(messages),
            "turns": self.turns,
            "agent": self._assignment.agent,
            "model": self._assignment.model_name,
        }


def _clean(message: AIMessage) -> None:
    """Models send half characters; sent back to the provider with the next turn, they would break the request."""
    message.content = json_value(message.content)
    for call in message.tool_calls:
        call["args"] = json_value(call["args"])


def _for_langchain(tool: Tool) -> BaseTool:
    """A tool as LangChain describes it to models."""

    async def called_by_us(**_: Any) -> None:
        raise StepError(f"tool '{tool.name}' was called past the loop.", code="tool_misrouted")

    return StructuredTool(
        name=tool.name, description=tool.description, args_schema=dict(tool.parameters), coroutine=called_by_us
    )


def _usage(messages: list[AnyMessage]) -> dict[str, int]:
    total = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    for message in messages:
        if isinstance(message, AIMessage) and message.usage_metadata is not None:
            for name in total:
                total[name] += int(message.usage_metadata.get(name) or 0)  # type: ignore[call-overload]
    return total


_ROLES: Final = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def _as_json(message: BaseMessage) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": _ROLES.get(message.type, message.type), "content": str(message.text)}
    if isinstance(message, AIMessage) and message.tool_calls:
        shown["tool_calls"] = [{key: call[key] for key in ("id", "name", "args")} for call in message.tool_calls]
    if isinstance(message, ToolMessage):
        shown |= {"tool_call_id": message.tool_call_id, "name": message.name}
    return shown
