"""The scripted model: a LangChain chat model that says what its script says, deterministically and offline."""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from agents.models.own_model import OwnModel, told
from agents.models.scripts import Call, Failure, FailureKind, Script, Turn
from agents.models.spoken import spoken
from agents.values import shorten
from graphs.errors import StepError

_ERRORS: Final[dict[FailureKind, type[ModelError]]] = {
    "rate_limit": ModelRateLimitError,
    "timeout": ModelTimeoutError,
    "connection": ModelConnectionError,
    "server": ModelAPIError,
    "authentication": ModelAuthenticationError,
    "invalid": ModelInvalidRequestError,
    "content_filter": ModelInvalidRequestError,
    "context_overflow": ContextOverflowError,
}


class ScriptedModel(OwnModel):
    """Speaks a script. Tools, structured output, streaming and token counts work as with any other model."""

    script: Script
    _raised: Counter[str] = PrivateAttr(default_factory=Counter)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = self._answer(messages, kwargs.get("tools") or [], kwargs.get("tool_choice"))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, None, **kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        message = self._answer(messages, kwargs.get("tools") or [], kwargs.get("tool_choice"))
        yield from spoken(message)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages, stop, None, **kwargs):
            yield await told(chunk, run_manager)

    def _answer(self, messages: list[BaseMessage], tools: list[dict[str, Any]], tool_choice: Any) -> AIMessage:
        spoken = sum(isinstance(message, AIMessage) for message in messages)
        asked = _asked(messages)
        answer_tool = _answer_tool(tools, tool_choice)
        turn = self._turn(spoken, asked, answer_tool)
        self._fail(turn, messages)
        calls = list(turn.calls)
        if answer_tool is not None and turn.structured is not None:
            calls.append(Call(answer_tool["name"], turn.structured))
        message = AIMessage(
            content=turn.text,
            additional_kwargs={"refusal": turn.refusal} if turn.refusal else {},
            tool_calls=[
                {"name": call.name, "args": dict(call.args), "id": f"call_{spoken}_{index}", "type": "tool_call"}
                for index, call in enumerate(calls)
            ],
            response_metadata={"model_name": f"scripted:{self.script.name}", "finish_reason": "stop"},
        )
        message.usage_metadata = _usage(messages, message)
        return message

    def _turn(self, spoken: int, asked: str, answer_tool: dict[str, Any] | None) -> Turn:
        turn = self.script.turn(spoken, asked, answer_tool.get("parameters", {}) if answer_tool is not None else None)
        if turn is None:
            raise StepError(
                f"script '{self.script.name}' has nothing to say to {shorten(asked, 80)!r} (turn {spoken + 1}).",
                code="script_ended",
                hint="Give it another turn, a rule that fits, or otherwise='echo'.",
            )
        return turn

    def _fail(self, turn: Turn, messages: list[BaseMessage]) -> None:
        """Raise the turn's failures, one per try at the same conversation."""
        if not turn.failures:
            return
        talk = json.dumps([[message.type, str(message.content)] for message in messages])
        key = hashlib.sha256(talk.encode("utf-8", "replace")).hexdigest()
        if self._raised[key] < len(turn.failures):
            failure = turn.failures[self._raised[key]]
            self._raised[key] += 1
            raise _error(failure)


def _error(failure: Failure) -> ModelError:
    error = _ERRORS[failure.kind](failure.message)
    # What provider libraries hang on their errors, and `agents.models.providers.explain` reads.
    error.retry_after = failure.retry_after  # type: ignore[attr-defined]
    error.code = failure.kind  # type: ignore[attr-defined]
    return error


def _asked(messages: list[BaseMessage]) -> str:
    """The last message's text; the system prompt is not a question."""
    heard = [message for message in messages if not isinstance(message, SystemMessage)]
    return heard[-1].text if heard else ""


def _answer_tool(tools: list[dict[str, Any]], tool_choice: Any) -> dict[str, Any] | None:
    """The tool through which a structured answer is wanted: the one that is named, or the last when one must be
    called (LangChain puts its own after the agent's)."""
    functions: list[dict[str, Any]] = [one["function"] for one in tools]
    if not functions or tool_choice in (None, "auto", "none"):
        return None
    return next((one for one in functions if one["name"] == tool_choice), functions[-1])


def _usage(messages: list[BaseMessage], answer: AIMessage) -> UsageMetadata:
    """Four characters count as a token, so numbers are the same on every machine."""
    heard = sum(len(str(message.content)) for message in messages) // 4 + 1
    called = sum(len(call["name"]) + len(json.dumps(call["args"])) for call in answer.tool_calls)
    spoken = (len(str(answer.content)) + called) // 4 + 1
    return UsageMetadata(input_tokens=heard, output_tokens=spoken, total_tokens=heard + spoken)
