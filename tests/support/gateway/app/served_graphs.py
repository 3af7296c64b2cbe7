"""Graphs as teams have them, for tests of what serves them."""

import asyncio
import operator
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, ToolRuntime
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.types import interrupt


class Words(TypedDict, total=False):
    """Text in, text out."""

    text: str
    said: Annotated[list[str], operator.add]


def _graph(state: type[Any], **nodes: Any) -> Any:
    graph = StateGraph(state)
    before = START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph.compile()


async def _say(state: Words) -> Words:
    get_stream_writer()({"progress": "half"})
    return {"said": [f"echo: {state['text']}"]}


echo = _graph(Words, say=_say)


async def _ask(state: Words) -> Words:
    answer = interrupt({"question": f"Send '{state['text']}'?"})
    return {"said": [f"answered: {answer}"]}


async def _after(state: Words) -> Words:
    return {"said": ["after"]}


ask = _graph(Words, ask=_ask, after=_after)


async def _ask_twice(state: Words) -> Words:
    first = interrupt("first?")
    second = interrupt("second?")
    return {"said": [f"{first} and {second}"]}


ask_twice = _graph(Words, ask=_ask_twice)


def _asking(name: str) -> Any:
    async def node(state: Words) -> Words:
        return {"said": [f"{name}: {interrupt(f'{name}?')}"]}

    return node


def _ask_both() -> Any:
    graph = StateGraph(Words)
    for name in ("left", "right"):
        graph.add_node(name, _asking(name))
        graph.add_edge(START, name)
        graph.add_edge(name, END)
    return graph.compile()


ask_both = _ask_both()


async def _wait(state: Words) -> Words:
    await asyncio.sleep(float(state["text"]))
    return {"said": ["waited"]}


slow = _graph(Words, first=_after, wait=_wait)


async def _fail(state: Words) -> Words:
    raise ValueError(f"no good: {state['text']}")


failing = _graph(Words, first=_after, fail=_fail)


async def _model(state: MessagesState) -> dict[str, list[AnyMessage]]:
    words = f"You said {state['messages'][-1].text}."
    model = GenericFakeChatModel(messages=iter([AIMessage(words)]))
    return {"messages": [await model.ainvoke(state["messages"])]}


chat = _graph(MessagesState, model=_model)


async def _call(state: MessagesState) -> dict[str, list[AnyMessage]]:
    call = {"name": "look_up", "args": {"word": state["messages"][-1].text}, "id": "call-1", "type": "tool_call"}
    return {"messages": [AIMessage("", tool_calls=[call])]}


async def _tool(state: MessagesState) -> dict[str, list[AnyMessage]]:
    said = state["messages"][-1]
    assert isinstance(said, AIMessage)
    call = said.tool_calls[0]
    return {"messages": [ToolMessage(f"found {call['args']['word']}", tool_call_id=call["id"], name=call["name"])]}


tools = _graph(MessagesState, call=_call, tool=_tool, model=_model)


@tool
async def look_up(word: str, runtime: ToolRuntime) -> str:
    """Look a word up."""
    runtime.stream_writer({"name": "progress", "of": word})
    runtime.emit_output_delta("looking")
    return f"found {word}"


_toolkit = _graph(MessagesState, call=_call, tool=ToolNode([look_up]), model=_model)
crew = _graph(MessagesState, call=_call, tool=ToolNode([look_up]), worker=_toolkit)

nested = _graph(Words, before=_after, child=_graph(Words, inner=_ask), last=_after)


async def made(config: dict[str, Any]) -> Any:
    """A graph made anew for each run."""
    word = config.get("configurable", {}).get("word", os.environ.get("SERVED_GRAPHS_WORD"))

    async def node(state: Words) -> Words:
        return {"said": [f"{word}: {state['text']}"]}

    return _graph(Words, node=node)


def tailored(config: RunnableConfig) -> Any:
    """A graph that cannot be made without knowing for whom."""
    person = config["configurable"]["person"]

    async def ask(state: Words) -> Words:
        return {"said": [f"{person} says {interrupt(f'{person}?')}"]}

    return _graph(Words, ask=ask)


@dataclass
class Whom:
    """What a graph is told besides its state."""

    person: str = "nobody"


async def _address(state: Words, runtime: Runtime[Whom]) -> Words:
    return {"said": [f"{runtime.context.person}: {interrupt('?')}"]}


def _addressed() -> Any:
    graph = StateGraph(Words, context_schema=Whom)
    graph.add_node("address", _address)
    graph.add_edge(START, "address")
    return graph.compile()


addressed = _addressed()


async def _remember(state: Words, *, store: BaseStore) -> Words:
    await store.aput(("memory",), "seen", {"text": state["text"]})
    found = await store.aget(("memory",), "name")
    return {"said": [found.value["is"] if found else "nobody"]}


def _remember_in_thread(state: Words, *, store: BaseStore) -> Words:
    found = store.get(("memory",), "name")
    return {"said": [found.value["is"] if found else "nobody"]}


remembering = _graph(Words, remember=_remember)
remembering_in_thread = _graph(Words, remember=_remember_in_thread)


class Counted(TypedDict, total=False):
    """A file to which each node adds a line, and how long each takes."""

    file: str
    seconds: float
    done: Annotated[list[str], operator.add]


def _counting(name: str) -> Any:
    async def node(state: Counted) -> Counted:
        with Path(state["file"]).open("a") as file:
            file.write(f"begin {name}\n")
        await asyncio.sleep(state.get("seconds", 0.0))
        with Path(state["file"]).open("a") as file:
            file.write(f"end {name}\n")
        return {"done": [name]}

    return node


class _SlowTalker(GenericFakeChatModel):
    """Says a word, and then takes its time."""

    async def _astream(self, *given: Any, **more: Any) -> AsyncIterator[Any]:
        async for chunk in super()._astream(*given, **more):
            yield chunk
            await asyncio.sleep(0.04)


async def _talk(state: MessagesState) -> dict[str, list[AnyMessage]]:
    model = _SlowTalker(messages=iter([AIMessage(f"You said {state['messages'][-1].text}.")]))
    return {"messages": [await model.ainvoke(state["messages"])]}


talking = _graph(MessagesState, one=_talk, two=_talk, three=_talk)


class Alone(TypedDict, total=False):
    """A file, how long to take, and how many runs of the thread were at work at once."""

    file: str
    seconds: float
    at_once: Annotated[list[int], operator.add]


_at_work: Counter[str] = Counter()


async def _be_alone(state: Alone, config: RunnableConfig) -> Alone:
    thread, run = config["configurable"]["thread_id"], config["configurable"]["run_id"]
    _at_work[thread] += 1
    at_once = _at_work[thread]
    try:
        with Path(state["file"]).open("a") as file:
            file.write(f"begin {run} {at_once}\n")
        await asyncio.sleep(state["seconds"])
        return {"at_once": [at_once]}
    finally:
        _at_work[thread] -= 1
        with Path(state["file"]).open("a") as file:
            file.write(f"end {run} {at_once}\n")


alone = _graph(Alone, one=_be_alone, two=_be_alone)

counting = _graph(Counted, one=_counting("one"), two=_counting("two"), three=_counting("three"))
