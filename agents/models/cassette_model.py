"""A LangChain chat model in front of a cassette. Loaded through `agents.loading`: LangChain is slow to import."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import ConfigDict

from agents.models.apart import apart, stream_apart
from agents.models.cassettes import Cassette
from agents.models.own_model import OwnModel, told
from agents.models.spoken import spoken
from graphs.errors import InputError
from graphs.values import json_object


class CassetteModel(OwnModel):
    """Answers from a cassette; asks the model behind it where the cassette says so, and keeps the answer.

    Attributes:
        named: What the model is called in recordings.
        behind: None where nothing but recordings is answered: then no provider is opened, and no key is needed.
        options: What the model was opened with.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    cassette: Cassette
    named: str
    behind: BaseChatModel | None = None
    options: dict[str, Any]

    @property
    def _llm_type(self) -> str:
        return "recorded"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        request = self._request(messages, stop, kwargs)
        if (found := self.cassette.find(request)) is None:
            raise InputError(
                "Calls of models are recorded in async code only.",
                hint="Use ainvoke or astream.",
                code="recorded_async_only",
            )
        return _result(_read(found))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        request = self._request(messages, stop, kwargs)
        if (found := self.cassette.find(request)) is not None:
            return _result(_read(found))
        # What the model behind says is told once, by this one.
        said = await apart(self._bound(kwargs).ainvoke(messages, stop=stop))
        self.cassette.keep(request, _written(said))
        return _result(said)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        request = self._request(messages, stop, kwargs)
        if (found := self.cassette.find(request)) is not None:
            for chunk in spoken(_read(found)):
                yield await told(chunk, run_manager)
            return
        whole: AIMessageChunk | None = None
        async for piece in stream_apart(self._bound(kwargs).astream(messages, stop=stop)):
            assert isinstance(piece, AIMessageChunk)
            whole = piece if whole is None else whole + piece
            yield await told(ChatGenerationChunk(message=piece), run_manager)
        if whole is not None:
            self.cassette.keep(request, _written(whole))

    def _bound(self, kwargs: Mapping[str, Any]) -> Runnable[LanguageModelInput, Any]:
        assert self.behind is not None, "a cassette that only replays never asks for more than it has"
        given = {name: value for name, value in kwargs.items() if value is not None}
        tools = given.pop("tools", None)
        return self.behind.bind_tools(tools, **given) if tools else self.behind.bind(**given)

    def _request(self, messages: Sequence[BaseMessage], stop: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        more = {name: value for name, value in kwargs.items() if name not in ("tools", "tool_choice")}
        options = {**self.options, **more, "stop": stop}
        return json_object(
            {
                "model": self.named,
                "messages": [_asked(message) for message in messages],
                "tools": kwargs.get("tools") or [],
                "tool_choice": kwargs.get("tool_choice"),
                "options": {name: value for name, value in options.items() if value is not None},
            }
        )


def _asked(message: BaseMessage) -> dict[str, Any]:
    """A message of a request: what was said, without ids that are others every time."""
    asked: dict[str, Any] = {"role": message.type, "content": message.content}
    if isinstance(message, AIMessage) and message.tool_calls:
        asked["tool_calls"] = [{key: call[key] for key in ("id", "name", "args")} for call in message.tool_calls]
    if (answers := getattr(message, "tool_call_id", None)) is not None:
        asked["tool_call_id"] = answers
    return asked


def _written(said: AIMessage) -> dict[str, Any]:
    """An answer as it is kept. What was put together from chunks is kept like what came whole."""
    kept = said.model_dump(
        mode="json",
        include={
            "content",
            "additional_kwargs",
            "tool_calls",
            "invalid_tool_calls",
            "usage_metadata",
            "response_metadata",
        },
        exclude_none=True,
    )
    return json_object({name: value for name, value in kept.items() if value not in ([], {}) or name == "content"})


def _read(answer: Mapping[str, Any]) -> AIMessage:
    return AIMessage.model_validate(dict(answer))


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])
