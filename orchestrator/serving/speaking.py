"""What the models of an execution say, passed on as if a chat model of LangChain's had said it in a node of a graph:
every way of streaming a graph there is hears it."""

from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_async_callback_manager_for_config

from agents.reasoning.conversation import text_of
from orchestrator.serving.blocks import begun, finished, piece
from orchestrator.store.port import Record


class Speaking:
    """Passes on what the models of an execution say.

    Args:
        execution_id: Whose models they are.
        config: The node's.
    """

    def __init__(self, execution_id: str, config: RunnableConfig) -> None:
        self._execution_id = execution_id
        self._callbacks = get_async_callback_manager_for_config(config)
        self._calls: dict[str, AsyncCallbackManagerForLLMRun] = {}
        self._tries: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def message_id(self, path: str) -> str:
        """What the message is called that a call of a model gives. Of a call that is made anew, what was said before is
        void, and has another name."""
        tries = self._tries.get(path, 1)
        return f"run--{self._execution_id}-{path}" + (f"-{tries}" if tries > 1 else "")

    async def record(self, record: Record) -> None:
        """Pass on what a record tells of a model's words."""
        path = record.path
        if path is None:
            return
        if record.kind == "step.progress" and isinstance(told := record.data.get("data"), Mapping):
            if told.get("kind") == "turn":
                await self._begin(path)
            elif told.get("kind") == "token" and path in self._calls:
                await self._piece(path, str(told["text"]))
        elif record.kind == "step.completed" and path in self._calls:
            await self._end(path, record.data.get("output"))

    def message(self, path: str, output: Mapping[str, Any]) -> AIMessage:
        """The whole of what a call of a model has given."""
        message = AIMessage.model_validate({**output["message"], "id": self.message_id(path)})
        message.usage_metadata = _usage(output)
        return message

    async def _begin(self, path: str) -> None:
        if (cut := self._calls.pop(path, None)) is not None:
            await cut.on_llm_end(LLMResult(generations=[]))
        self._tries[path] = self._tries.get(path, 0) + 1
        self._said.pop(path, None)
        [self._calls[path]] = await self._callbacks.on_chat_model_start({}, [[]], name="model")

    async def _piece(self, path: str, text: str) -> None:
        if path not in self._said:
            for event in begun(self.message_id(path)):
                await self._calls[path].on_stream_event(_named(event))
        await self._calls[path].on_stream_event(_named(piece(text)))
        await self._chunk(path, text, AIMessageChunk(content=text, id=self.message_id(path)))
        self._said[path] = self._said.get(path, "") + text

    async def _end(self, path: str, output: Any) -> None:
        if not isinstance(output, Mapping) or not isinstance(output.get("message"), Mapping):
            await self._calls.pop(path).on_llm_end(LLMResult(generations=[]))
            return  # the budget allowed no call
        whole = self.message(path, output)
        if path not in self._said and (text := text_of(whole.content)):
            await self._piece(path, text)
        last = AIMessageChunk(
            content="",
            id=whole.id,
            tool_calls=whole.tool_calls,
            usage_metadata=whole.usage_metadata,
            response_metadata=whole.response_metadata,
            chunk_position="last",
        )
        await self._chunk(path, "", last)
        for event in finished(str(whole.id), self._said.pop(path, None), whole.tool_calls, _usage(output) or {}):
            await self._calls[path].on_stream_event(_named(event))
        await self._calls.pop(path).on_llm_end(LLMResult(generations=[[ChatGeneration(message=whole)]]))

    async def _chunk(self, path: str, text: str, chunk: AIMessageChunk) -> None:
        await self._calls[path].on_llm_new_token(text, chunk=ChatGenerationChunk(message=chunk))


def _named(event: dict[str, Any]) -> Any:
    """LangGraph looks for the id of a message under another name than clients do."""
    return {**event, "message_id": event["id"]} if event["event"] == "message-start" else event


def _usage(output: Mapping[str, Any]) -> Any:
    usage = output.get("usage") or {}
    if not usage.get("total_tokens"):
        return None
    return {key: int(usage.get(key) or 0) for key in ("input_tokens", "output_tokens", "total_tokens")}
