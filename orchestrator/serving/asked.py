"""What a client asks of a run, as LangGraph wants it."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import CONFIG_KEY_STRICT_RESUME
from langgraph.types import Command, Send

from graphs.errors import InputError
from orchestrator.serving.served import Place
from orchestrator.store.served.values import Run


def config_of(run: Run) -> RunnableConfig:
    """What LangGraph is told of a run besides its input."""
    request = run.request
    given: Mapping[str, Any] = request.get("config") or {}
    names = {"run_id": run.id, "thread_id": run.thread_id, "graph_id": run.graph, "assistant_id": run.assistant_id}
    # Names that begin with two underscores are LangGraph's own; a client's would reach into its machinery.
    own = {key: value for key, value in (given.get("configurable") or {}).items() if not key.startswith("__")}
    where = place(request).configurable(run.thread_id)
    config: RunnableConfig = {
        "configurable": {**(request.get("context") or {}), **own, **names, **where},
        "metadata": {**(given.get("metadata") or {}), **run.metadata, **names, "run_attempt": run.attempts},
        "tags": list(given.get("tags") or ()),
    }
    if request.get("strict_resume"):
        config["configurable"][CONFIG_KEY_STRICT_RESUME] = True
    if given.get("recursion_limit") is not None:
        config["recursion_limit"] = int(given["recursion_limit"])
    return config


def command(request: Mapping[str, Any]) -> Command[Any] | None:
    """What a client commands.

    Raises:
        InputError: it is no command.
    """
    given = request.get("command")
    if not given:
        return None
    if not isinstance(given, Mapping):
        raise InputError("'command' must be an object.", hint="It takes resume, update and goto.")
    update = given.get("update")
    more: dict[str, Any] = {"resume": given["resume"]} if given.get("resume") is not None else {}
    if update is not None:
        more["update"] = [tuple(pair) for pair in update] if isinstance(update, list) else update
    goto = given.get("goto")
    if goto is not None:
        more["goto"] = [_goto(each) for each in goto] if isinstance(goto, list) else _goto(goto)
    return Command(**more) if more else None


def _goto(given: Any) -> Any:
    if isinstance(given, str):
        return given
    if isinstance(given, Mapping) and isinstance(given.get("node"), str):
        return Send(given["node"], given.get("input"))
    raise InputError("'command.goto' names a node, or sends to one.", hint='{"node": "NAME", "input": {…}}')


def place(request: Mapping[str, Any]) -> Place:
    """The checkpoint a request names, in one of the two ways there are."""
    given = request.get("checkpoint") or {}
    if not isinstance(given, Mapping):
        raise InputError("'checkpoint' must be an object.", hint="It takes checkpoint_id and checkpoint_ns.")
    return Place(
        checkpoint_id=given.get("checkpoint_id") or request.get("checkpoint_id"),
        checkpoint_ns=given.get("checkpoint_ns") or "",
        checkpoint_map=given.get("checkpoint_map"),
    )
