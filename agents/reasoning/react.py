"""One turn of a ReAct agent: LangChain's agent calls its model once, and stops before the tools (I07).

    turn           one turn, from the conversation to what the model said
    ├── _Turn      between LangChain's agent and us: pays, reads failures, mends messages
    └── Reading    what comes of what was said (reading)

LangChain's agent binds the tools, asks the model, and reads answers in a form (`ToolStrategy`). Of its graph one node
is needed, and called by itself: the graph around it would be begun and left for each turn. Where somebody listens to
the words, the graph tells them; it is stopped after its model (`interrupt_after`). No middleware: what LangChain has
for limits, retries, approvals, summaries and context keeps its state in the agent's own loop, which a crash, an edit or
a retry from a step would void, and here these are steps and policies of the engine (of its summarising, the prompt is
used). A hook around the model would, besides, be traced in two hops to a thread for each call.

Loaded through `agents.loading`: LangChain is slow to import.
"""

import json
from collections.abc import Awaitable, Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, ToolCall
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.runtime import Runtime

from agents.models.accepted import accepted_id, accepted_schema
from agents.models.models import Models
from agents.models.refusals import refusal_of, refused
from agents.reasoning.agent_calls import ModelCall
from agents.reasoning.answers import AnswerForm
from agents.reasoning.assignment import Assignment
from agents.reasoning.messages import messages_of, usage_of
from agents.reasoning.no_arguments import Room, no_json
from agents.reasoning.paying import paid
from agents.reasoning.reading import Reading
from agents.reasoning.spending import Spending
from agents.reasoning.trimming import Message
from agents.tools.offers import Offer
from agents.values import tokens_of
from graphs.errors import InputError, StepError
from graphs.steps import StepContext
from graphs.values import json_value


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
    given = {"messages": messages_of(told, call.read)}
    streams = _streams(context, model, assignment)
    state = await own.ask(_streamed(agent, given, context, own) if streams else _asked(agent, given))
    before = {id(message) for message in given["messages"]}  # by identity: providers may use an id twice
    spoken = (one for one in state["messages"] if isinstance(one, AIMessage) and id(one) not in before)
    if (message := next(spoken, None)) is None:
        raise own.nobody_spoke()
    usage = own.read(message)
    formed = state.get("structured_response")
    said = Reading(assignment, message, own.broken, form, formed, call, context.clock).read()
    return said | {"usage": usage}


def _streams(context: StepContext, model: Any, assignment: Assignment) -> bool:
    if assignment["stream"] is not None:
        return assignment["stream"]
    # A server that does not count tokens in streams would let a budget be overdrawn only because somebody looks on.
    counted = any(budget.keys() & {"tokens", "cost"} for budget in assignment["budgets"].values())
    return context.heard() and (not counted or bool(getattr(model, "stream_usage", True)))


def _agent(model: Any, assignment: Assignment, form: AnswerForm | None) -> Any:
    return create_agent(
        model,
        tools=[_for_langchain(offer) for offer in assignment["tools"]],
        system_prompt=assignment["instructions"] or None,
        response_format=form.strategy() if form else None,
        checkpointer=False,
        interrupt_after=["model"],
    )


async def _asked(agent: Any, given: dict[str, Any]) -> dict[str, Any]:
    command, *_ = await agent.nodes["model"].ainvoke(given, runtime=Runtime())
    said: dict[str, Any] = command.update
    return said


async def _streamed(agent: Any, given: dict[str, Any], context: StepContext, own: "_Turn") -> dict[str, Any]:
    last: dict[str, Any] = {}
    async for mode, value in agent.astream(given, stream_mode=["messages", "values"]):
        if mode == "values":
            last = value
        elif isinstance(value[0], AIMessageChunk):
            own.hear(value[0])
            if value[0].text:
                context.progress({"kind": "token", "text": str(value[0].text)})
    return last


class _Turn:
    """One call of the model: what it costs, what it says, what is wrong with that."""

    def __init__(self, context: StepContext, model_name: str, spending: Spending) -> None:
        self._spending = spending
        self._context = context
        self._model_name = model_name
        self._took = 0.0
        self.broken: dict[str, str] = {}
        """By call id: why arguments are none."""
        self._arguments: dict[Any, str] = {}
        self._streamed = False

    async def ask(self, work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        """LangChain's state after the call.

        Raises:
            StepError: the model failed.
        """
        state, self._took = await paid(self._context, self._model_name, self._spending, work)
        return state

    def nobody_spoke(self) -> StepError:
        """What came is somebody else's message; it was paid for."""
        self._spending.failed(self._took)
        return StepError(
            f"model '{self._model_name}' gave a message that is not its own.",
            category="dependency",
            code="model_answer_invalid",
        )

    def read(self, message: AIMessage) -> dict[str, Any]:
        """Note what the call has cost, and mend what was said; gives the usage.

        Raises:
            StepError: the answer was cut off, filtered or refused.
        """
        usage = self._spending.note(usage_of(message), self._took, tokens_of([message.content, message.tool_calls]))
        self._refuse_cut(message)
        self._mend(message)
        self._judge_streamed(message.tool_calls)
        return usage

    def hear(self, chunk: AIMessageChunk) -> None:
        """Keep the arguments of streamed calls as they came."""
        self._streamed = True
        for piece in chunk.tool_call_chunks:
            key = piece.get("index")
            self._arguments[key] = self._arguments.get(key, "") + (piece.get("args") or "")

    def _judge_streamed(self, calls: Sequence[ToolCall]) -> None:
        """LangChain completes what is cut off (`{"amount": 10` of 1000 is a call with 10); we do not."""
        if len(calls) == len(self._arguments):
            for call, text in zip(calls, self._arguments.values(), strict=True):
                if not _is_object(text or "{}"):
                    self.broken[str(call["id"])] = no_json(text)
                    call["args"] = {}

    def _refuse_cut(self, message: AIMessage) -> None:
        """An answer the provider broke off is no answer, and must not travel on as one."""
        reason = message.response_metadata.get("finish_reason")
        model = f"model '{self._model_name}'"
        if said := refusal_of(message):
            raise refused(self._model_name, said)
        if reason == "content_filter":
            raise StepError(
                f"{model} refused the content.", category="validation", retryable=False, code="content_filtered"
            )
        if self._streamed and reason is None and message.response_metadata.get("model_provider") == "openai":
            # OpenAI's last piece always says why it is the last; one that only looks complete may be half an answer.
            raise StepError(
                f"{model} gave an answer that ends before it is finished.",
                category="dependency",
                code="model_answer_invalid",
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
        """Models send half characters, ids twice or not at all, and arguments that are no JSON, or endless.

        The last two become calls without arguments: LangChain sets them aside, which would end the loop as if the model
        had nothing more to say.
        """
        message.content = json_value(message.content)
        mended = [(call, "") for call in message.tool_calls]
        mended += [
            (
                ToolCall(name=one["name"] or "unnamed", args={}, id=one["id"], type="tool_call"),
                no_json(str(one["args"])),
            )
            for one in message.invalid_tool_calls
        ]
        seen: set[str | None] = {None, ""}
        room = Room(self._context.max_result_bytes)
        for position, (call, broken) in enumerate(mended):
            if call["id"] in seen:
                call["id"] = accepted_id(f"call_{position}_{call['name']}")
            seen.add(call["id"])
            try:
                call["args"] = json_value(call["args"])
            except InputError as error:  # Python reads NaN and endless integers as JSON; nobody else does
                broken, call["args"] = no_json(f"{json.dumps(call['args'])} ({error.message})"), {}
            if (too_large := room.lacks_for(call["args"])) is not None:
                broken, call["args"] = too_large, {}
            if broken:
                self.broken[str(call["id"])] = broken
        message.tool_calls = [call for call, _ in mended]
        message.invalid_tool_calls = []


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _for_langchain(offer: Offer) -> BaseTool:
    """A tool as LangChain describes it to models."""

    async def called_by_us(**_: Any) -> None:
        raise StepError(f"tool '{offer['name']}' was called past the loop.", code="tool_misrouted")

    return StructuredTool(
        name=offer["name"],
        description=offer["description"],
        args_schema=accepted_schema(offer["parameters"]),
        coroutine=called_by_us,
    )
