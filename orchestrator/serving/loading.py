"""Users' own graphs, compiled or made by a function; and what can be said of them."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from functools import partial
from typing import Any, get_type_hints, is_typeddict

from langgraph._internal import _serde
from langgraph.graph.state import CompiledStateGraph, StateGraph
from langgraph.pregel import Pregel
from pydantic import TypeAdapter, create_model

from graphs.errors import InputError
from orchestrator.serving.served import Document
from orchestrator.store.saver import BatonSaver


class Source:
    """Where a graph comes from.

    Args:
        made: A compiled graph, a StateGraph, or a function that gives one, called anew for each run with the run's
            config; it may be async, or a context manager.
        description: What it is for, in a sentence.

    Raises:
        InputError: it is none of these.
    """

    def __init__(self, name: str, made: Any, description: str | None = None) -> None:
        self._name = name
        self.description = description
        self._made = made.compile() if isinstance(made, StateGraph) else made
        self.static = isinstance(self._made, Pregel)
        if not self.static and not callable(self._made):
            raise not_a_graph(name, made)

    async def open(self, stack: AsyncExitStack, config: Mapping[str, Any]) -> Pregel[Any, Any, Any, Any]:
        """The compiled graph; what must be closed after its use is left to the stack."""
        if isinstance(self._made, Pregel):
            return self._made
        try:
            made = await _made(self._made, stack, config)
        except Exception as error:  # the function is a user's, and may raise anything
            raise not_made(self._name, error) from error
        if not isinstance(made, Pregel):
            raise not_a_graph(self._name, made)
        return made


async def _made(function: Callable[..., Any], stack: AsyncExitStack, config: Mapping[str, Any]) -> Any:
    made = _call(function, config)
    if inspect.isawaitable(made):
        made = await made
    if isinstance(made, AbstractAsyncContextManager):
        made = await stack.enter_async_context(made)
    elif isinstance(made, AbstractContextManager):
        made = stack.enter_context(made)
    return made.compile() if isinstance(made, StateGraph) else made


def _call(function: Callable[..., Any], config: Mapping[str, Any]) -> Any:
    takes = [item for item in inspect.signature(function).parameters.values() if item.default is item.empty]
    return function(config) if takes or "config" in inspect.signature(function).parameters else function()


def served_copy(graph: Any, saver: BatonSaver, items: Any) -> Any:
    """The graph on our checkpointer; what it was compiled with is left alone."""
    return graph.copy({"checkpointer": saver.with_allowlist(_own_types(graph)), "store": items})


def _own_types(graph: Any) -> set[tuple[str, ...]]:
    """The types that a graph's state declares, which its checkpoints may hold."""
    if not isinstance(graph, CompiledStateGraph):
        return _serde.build_serde_allowlist()
    builder = graph.builder
    schemas = [builder.state_schema, builder.input_schema, builder.output_schema, builder.context_schema]
    schemas += [node.input_schema for node in builder.nodes.values()]
    inner = [_own_types(each) for _, each in graph.get_subgraphs() if isinstance(each, Pregel)]
    own = _serde.build_serde_allowlist(schemas=[each for each in schemas if each], channels=builder.channels)
    return own.union(*inner)


def schemas_of(name: str, graph: Any) -> Document:
    """The JSON Schemas of a graph; null where one cannot be made."""
    builder = getattr(graph, "builder", None)
    context = _schema(lambda: _of_type(graph.context_schema)) if graph.context_schema is not None else None
    own = {
        word: _schema(partial(_of_type, getattr(builder, f"{word}_schema"))) if builder is not None else None
        for word in ("input", "output", "state")
    }
    return {
        "graph_id": name,
        "input_schema": own["input"] or _schema(graph.get_input_jsonschema),
        "output_schema": own["output"] or _schema(graph.get_output_jsonschema),
        "state_schema": own["state"],
        "config_schema": context,
        "context_schema": context,
    }


def _of_type(kind: Any) -> Any:
    if not is_typeddict(kind):
        return TypeAdapter(kind).json_schema()
    # Field by field: of a TypedDict from `typing`, pydantic makes no schema before Python 3.12.
    fields: dict[str, Any] = {name: (hint, None) for name, hint in get_type_hints(kind, include_extras=True).items()}
    return create_model(kind.__name__, **fields).model_json_schema()


def _schema(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception:  # noqa: BLE001 - a state may hold what has no schema (callables, connections); pydantic raises many kinds
        return None


def not_made(name: str, error: Exception) -> InputError:
    why = str(error).rstrip(".")
    return InputError(
        f"The function that makes the graph '{name}' failed: {type(error).__name__}: {why}.",
        hint="It is given the config of the run, of the thread or of the assistant that is asked about.",
        code="graph_not_made",
    )


def not_a_graph(name: str, made: Any) -> InputError:
    return InputError(
        f"'{name}' is a {type(made).__name__}, not a graph.",
        hint="Name a compiled LangGraph graph, a StateGraph, or a function that gives one.",
        code="not_a_graph",
    )
