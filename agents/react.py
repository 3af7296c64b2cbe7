"""One turn of a ReAct agent: LangChain's agent calls its model once, and stops before the tools (I07).

    turn        one turn, from the conversation to what the model said, checked
    └── _Turn   between LangChain's agent and us: pays, reads failures, mends messages

Loaded through `agents.loading`: LangChain is slow to import.
"""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse, hook_config
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    HumanMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.tools import BaseTool, StructuredTool

from agents import schemas
from agents.agent_calls import Message, ModelCall
from agents.answers import AnswerForm
from agents.apart import apart
from agents.assignment import Assignment
from agents.models import Models
from agents.offers import Offer
from agents.providers import explain
from agents.spending import Spending
from agents.tool_use import ToolApproval
from agents.values import shorten
from graphs.clock import Clock
from graphs.errors import BatonError, InputError, StepError
from graphs.steps import StepContext
from graphs.values import json_value

MAX_WORDS: Final = 1_000_000
"""Characters of one message that are kept; a model that says more has lost its way."""


async def turn(
    context: StepContext, model: Any, call: ModelCall, told: Sequence[Message], spending: Spending
) -> dict[str, Any]:
    """Let the model speak once.

    Returns:
        `message`, as LangChain keeps it; `calls`, what it asked for (`refused` says why a call is not made); `usage`;
        `answer` when it is done; `unfit` when its answer was none and it is to try again.

    Raises:
        StepError: the model failed, its answer was cut off or filtered, or unfit once too often.
    """
    assignment = call.assignment
    form = AnswerForm(assignment["schema"]) if assignment["schema"] is not None else None
    own = _Turn(context, assignment["model_name"], spending)
    made_of = json.dumps([assignment[key] for key in ("tools", "instructions", "schema")])
    agent = context.resource(Models).made(model, made_of, lambda: _agent(model, assignment, form))
    given = {"messages": messages_of(told)}
    work = _streamed(agent, given, context, own) if assignment["stream"] else agent.ainvoke(given, context=own)
    state = await apart(work)
    assert own.said is not None
    own.judge_streamed()
    formed = state.get("structured_response")
    said = _Reading(assignment, own.said, own.broken, form, formed, call, context.clock).read()
    return said | {"usage": own.usage}


def _agent(model: Any, assignment: Assignment, form: AnswerForm | None) -> Any:
    return create_agent(
        model,
        tools=[_for_langchain(offer) for offer in assignment["tools"]],
        system_prompt=assignment["instructions"] or None,
        middleware=[_OneTurn()],
        response_format=form.strategy() if form else None,
        checkpointer=False,
    )


async def _streamed(agent: Any, given: dict[str, Any], context: StepContext, own: "_Turn") -> dict[str, Any]:
    last: dict[str, Any] = {}
    async for mode, value in agent.astream(given, context=own, stream_mode=["messages", "values"]):
        if mode == "values":
            last = value
        elif isinstance(value[0], AIMessageChunk):
            own.hear(value[0])
            if value[0].text:
                context.progress({"kind": "token", "text": str(value[0].text)})
    return last


class _OneTurn(AgentMiddleware[Any, Any, Any]):
    """Hands the one call of the model to the turn it is made in, and ends LangChain's loop after it."""

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        own: _Turn = request.runtime.context
        return await own.ask(request, handler)

    @hook_config(can_jump_to=["end"])
    async def aafter_model(self, state: Any, runtime: Any) -> dict[str, Any]:
        return {"jump_to": "end"}


class _Turn:
    """One call of the model: what it costs, what it says, what is wrong with that."""

    def __init__(self, context: StepContext, model_name: str, spending: Spending) -> None:
        self._spending = spending
        self.usage: dict[str, Any] = {}
        self._context = context
        self._model_name = model_name
        self.said: AIMessage | None = None
        self.broken: dict[str, str] = {}
        """By call id: arguments that were no JSON."""
        self._arguments: dict[Any, str] = {}

    async def ask(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        began = self._context.clock.monotonic()
        try:
            response = await handler(request)
        except BatonError:
            raise
        except Exception as error:
            self._spending.note({}, self._context.clock.monotonic() - began)
            raise explain(error, self._model_name, self._context.clock.now()) or error from error
        self.said = next(one for one in response.result if isinstance(one, AIMessage))
        self.usage = self._spending.note(usage_of(self.said), self._context.clock.monotonic() - began)
        self._refuse_cut(self.said)
        self._mend(self.said)
        return response

    def hear(self, chunk: AIMessageChunk) -> None:
        """Keep the arguments of streamed calls as they came."""
        for piece in chunk.tool_call_chunks:
            key = piece.get("index")
            self._arguments[key] = self._arguments.get(key, "") + (piece.get("args") or "")

    def judge_streamed(self) -> None:
        """LangChain completes what is cut off (`{"amount": 10` of 1000 is a call with 10); we do not."""
        calls = self.said.tool_calls if self.said is not None else []
        if len(calls) == len(self._arguments):
            for call, text in zip(calls, self._arguments.values(), strict=True):
                if not _is_object(text or "{}"):
                    self.broken[str(call["id"])] = text
                    call["args"] = {}

    def _refuse_cut(self, message: AIMessage) -> None:
        """An answer the provider broke off is no answer, and must not travel on as one."""
        reason = message.response_metadata.get("finish_reason")
        model = f"model '{self._model_name}'"
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

    def _mend(self, message: AIMessage) -> None:
        """Models send half characters, ids twice or not at all, and arguments that are no JSON.

        The last become calls without arguments: LangChain sets them aside, which would end the loop as if the model
        had nothing more to say.
        """
        message.content = json_value(message.content)
        mended = [(call, "") for call in message.tool_calls]
        mended += [
            (ToolCall(name=one["name"] or "unnamed", args={}, id=one["id"], type="tool_call"), str(one["args"]))
            for one in message.invalid_tool_calls
        ]
        seen: set[str | None] = {None, ""}
        for position, (call, broken) in enumerate(mended):
            if call["id"] in seen:
                call["id"] = f"call_{position}_{call['name']}"
            seen.add(call["id"])
            call["args"] = json_value(call["args"])
            if broken:
                self.broken[str(call["id"])] = broken
        message.tool_calls = [call for call, _ in mended]
        message.invalid_tool_calls = []


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


class _Reading:
    """What the model said, as the step's output."""

    def __init__(
        self,
        assignment: Assignment,
        message: AIMessage,
        broken: dict[str, str],
        form: AnswerForm | None,
        formed: Any,
        call: ModelCall,
        clock: Clock,
    ) -> None:
        self._assignment = assignment
        self._message = message
        self._broken = broken
        self._form = form
        self._formed = formed
        self._call = call
        self._unfit: str | None = None
        self._made = Counter(call.made)
        self._clock = clock

    def read(self) -> dict[str, Any]:
        calls = [self._called(call) for call in self._message.tool_calls]
        output: dict[str, Any] = {"message": _kept(self._message), "calls": calls}
        if all("form" in call for call in calls):
            output |= self._answered(calls)
        if self._unfit is not None:
            if self._call.reasks >= self._assignment["max_reasks"]:
                raise StepError(
                    f"agent '{self._assignment['agent']}' gave an answer that does not fit its schema: {self._unfit}.",
                    category="dependency",
                    code="answer_unfit",
                )
            output["unfit"] = self._unfit
        return output

    def _called(self, call: ToolCall) -> dict[str, Any]:
        called: dict[str, Any] = {"id": call["id"], "name": call["name"], "args": call["args"]}
        offered = {offer["name"]: offer for offer in self._assignment["tools"]}
        if self._form is not None and call["name"] == self._form.tool:
            called["form"] = True
        if (broken := self._broken.get(str(call["id"]))) is not None:
            called["refused"] = f"Error: the arguments of this call are no JSON: {shorten(broken, 200)}"
        elif "form" in called:
            called["refused"] = "Error: the answer was not taken, because tools were called beside it. Answer again."
        elif call["name"] not in offered:
            called["refused"] = f"Error: there is no tool '{call['name']}'. Tools: {', '.join(offered) or 'none'}."
        else:
            self._permit(called, offered[call["name"]])
        return called

    def _permit(self, called: dict[str, Any], offer: Offer) -> None:
        """Whether the call is made, and whether a person is asked first."""
        self._made[offer["name"]] += 1
        if (most := offer.get("max_calls")) is not None and self._made[offer["name"]] > most:
            called["refused"] = f"Error: tool '{offer['name']}' may be called {most} times here, and it was."
            return
        for kept in offer.get("approvals", ()):
            if ToolApproval.model_validate(kept).asks(called["args"], self._clock):
                # Nobody is asked about a call that cannot be made.
                if problem := schemas.misfit(offer["parameters"], called["args"], "arguments"):
                    called["refused"] = f"Error: tool '{offer['name']}' cannot be called: {problem}."
                else:
                    called["approval"] = kept
                return

    def _answered(self, calls: list[dict[str, Any]]) -> dict[str, Any]:
        """No tool is to be called: this is the answer, if it is one."""
        text = shorten(str(self._message.text), MAX_WORDS)
        if self._form is None:
            if not text.strip():
                raise StepError(
                    f"agent '{self._assignment['agent']}' gave an empty answer.",
                    category="dependency",
                    code="answer_empty",
                )
            return {"answer": {"text": text, "structured": None}}
        value, problem = self._formed_value(text, calls)
        if problem is None:
            words = text or json.dumps(value, ensure_ascii=False)
            for call in calls:
                call.pop("refused", None)
            return {"answer": {"text": words, "structured": value}, "calls": []}
        self._unfit = problem
        for call in calls:
            if str(call["id"]) not in self._broken:
                call["refused"] = f"The answer does not fit its schema: {problem}. Answer again."
        return {}

    def _formed_value(self, text: str, calls: list[dict[str, Any]]) -> tuple[Any, str | None]:
        assert self._form is not None
        if self._broken:
            return None, "it is no JSON"
        if len(calls) > 1:
            return None, "it was given more than once"
        if self._formed is not None:
            problem = self._form.misfit(self._formed)
            return (self._form.unwrapped(self._formed), None) if problem is None else (None, problem)
        return self._form.written(text)


def _kept(message: AIMessage) -> dict[str, Any]:
    """The message as it goes back to the provider with the next turn: all of it, reasoning and signatures too."""
    data = message.model_dump(mode="json", exclude={"usage_metadata", "invalid_tool_calls", "type"}, exclude_none=True)
    data = {key: value for key, value in data.items() if value not in ({}, [], "") or key == "content"}
    if str(data.get("id", "")).startswith("lc_"):
        del data["id"]  # LangChain's own, and another one every time
    if isinstance(data["content"], str):
        data["content"] = shorten(data["content"], MAX_WORDS)
    try:
        return json_value(data)  # type: ignore[no-any-return]
    except InputError:  # something of a provider's that no JSON holds; what was said is all that is needed
        return json_value({key: data[key] for key in ("content", "tool_calls", "id") if key in data})  # type: ignore[no-any-return]


def usage_of(message: AIMessage) -> dict[str, int]:
    """The tokens a provider says it counted."""
    usage: Any = message.usage_metadata or {}
    return {name: int(usage.get(name) or 0) for name in ("input_tokens", "output_tokens", "total_tokens")}


def messages_of(conversation: Sequence[Message]) -> list[AnyMessage]:
    """A conversation as LangChain takes it."""
    return [_for_model(message) for message in conversation]


def _for_model(message: Message) -> AnyMessage:
    if "ai" in message:
        return AIMessage.model_validate(message["ai"])
    if message["role"] == "tool":
        keys = ("content", "tool_call_id", "name", "status")
        return ToolMessage.model_validate({key: message[key] for key in keys})
    return _ROLES[message["role"]](message["content"])


_ROLES: Final[dict[str, Callable[[str], AnyMessage]]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
}


def _for_langchain(offer: Offer) -> BaseTool:
    """A tool as LangChain describes it to models."""

    async def called_by_us(**_: Any) -> None:
        raise StepError(f"tool '{offer['name']}' was called past the loop.", code="tool_misrouted")

    return StructuredTool(
        name=offer["name"],
        description=offer["description"],
        args_schema=dict(offer["parameters"]),
        coroutine=called_by_us,
    )
