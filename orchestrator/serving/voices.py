"""What the models of an execution say, as langgraph-sdk streams it: LangChain's messages, piece by piece."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk

from agents.reasoning.conversation import text_of
from graphs.budget import SPENT
from orchestrator.serving.blocks import begun, finished, piece
from orchestrator.serving.served import Document, Say
from orchestrator.serving.speech import Speech
from orchestrator.store.port import Record
from orchestrator.store.served.values import Run

MODES = frozenset({"messages", "messages-tuple"})


class Voices:
    """Says what an execution's models say, for one run.

    Args:
        modes: What the client asked for; nothing is said when messages are not among it.
        run: For the names that clients find beside each piece. With `protocol` in its request, messages are said block
            by block, as LangChain's agent protocol has them.
    """

    def __init__(self, modes: Sequence[str], run: Run, say: Say) -> None:
        self._wanted = bool(MODES.intersection(modes))
        self._protocol = bool(run.request.get("protocol"))
        self._run = run
        self._say = say
        self._speech = Speech(list(MODES.intersection(modes)), subgraphs=False, say=say)
        self._tries: dict[str, int] = {}
        self._spent: dict[str, Mapping[str, Any]] = {}
        self._said: dict[str, str] = {}

    def record(self, record: Record) -> None:
        """Say what a record tells of a model's words."""
        if not self._wanted or record.path is None:
            return
        path = record.path
        if record.kind == "step.progress":
            told = record.data.get("data")
            if isinstance(told, Mapping) and told.get("kind") == "turn":
                # A call that is made anew begins anew: what was said of it before is void.
                self._tries[path] = self._tries.get(path, 0) + 1
                self._said.pop(path, None)
            elif isinstance(told, Mapping) and told.get("kind") == "token":
                self._piece(path, str(told["text"]))
        elif record.kind == SPENT:
            self._spent[path] = record.data
        elif record.kind == "step.completed" and path in self._spent:
            self._end(path, record.data.get("output"))

    def _piece(self, path: str, text: str) -> None:
        if self._protocol:
            for event in [] if path in self._said else begun(self._id(path)):
                self._event(path, event)
            self._event(path, piece(text))
        else:
            self._chunk(path, AIMessageChunk(content=text, id=self._id(path)))
        self._said[path] = self._said.get(path, "") + text

    def _end(self, path: str, output: Any) -> None:
        """The call is committed: what was not said of it, and what it cost."""
        spent = self._spent.pop(path)
        message = output.get("message") if isinstance(output, Mapping) else None
        if not isinstance(message, Mapping):
            return  # a summary, which is for the agent itself
        text, calls = text_of(message.get("content")), list(message.get("tool_calls") or ())
        if path not in self._said and text:
            self._piece(path, text)
        usage: Any = {key: int(spent.get(key) or 0) for key in ("input_tokens", "output_tokens", "total_tokens")}
        if self._protocol:
            for event in finished(self._id(path), text if path in self._said else None, calls, usage):
                self._event(path, event)
        else:
            last = AIMessageChunk(
                content="",
                id=self._id(path),
                tool_calls=calls,
                usage_metadata=usage,
                response_metadata={"model_name": str(spent.get("model"))},
                chunk_position="last",
            )
            self._chunk(path, last)
        self._said.pop(path, None)

    def _chunk(self, path: str, chunk: AIMessageChunk) -> None:
        self._speech.part((), "messages", (chunk, self._names(path)))

    def _event(self, path: str, event: Document) -> None:
        self._say("messages", [event, self._names(path)])

    def _id(self, path: str) -> str:
        return f"run--{self._run.id}-{path}-{self._tries.get(path, 1)}"

    def _names(self, path: str) -> Document:
        run = self._run
        return {
            "langgraph_node": path.partition("[")[0].partition(".")[0],
            "langgraph_checkpoint_ns": path,
            "checkpoint_ns": path,
            "path": path,
            "run_id": run.id,
            "thread_id": run.thread_id,
            "graph_id": run.graph,
            "assistant_id": run.assistant_id,
        }
