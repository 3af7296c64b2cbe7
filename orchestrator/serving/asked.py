"""What a client asks of a run, as LangGraph wants it."""

from collections.abc import Collection, Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import CONFIG_KEY_STRICT_RESUME
from langgraph.types import Command, Send

from graphs.errors import InputError, NotFoundError
from orchestrator.serving.served import Place
from orchestrator.serving.wanted import AUTH_USER
from orchestrator.store.saver import BatonSaver
from orchestrator.store.served.remembering import REMEMBERED, of_clients
from orchestrator.store.served.values import Run, Thread


def config_of(run: Run) -> RunnableConfig:
    """What LangGraph is told of a run besides its input."""
    request = run.request
    given: Mapping[str, Any] = request.get("config") or {}
    names = {"run_id": run.id, "thread_id": run.thread_id, "graph_id": run.graph, "assistant_id": run.assistant_id}
    where = place(request).configurable(run.thread_id)
    own = {
        **(request.get(REMEMBERED) or {}),
        **of_clients(request.get("context")),
        **of_clients(given.get("configurable")),
    }
    config: RunnableConfig = {
        "configurable": {**own, **names, **where, **_user(request)},
        "metadata": {**(given.get("metadata") or {}), **run.metadata, **names, "run_attempt": run.attempts},
        "tags": list(given.get("tags") or ()),
    }
    if request.get("strict_resume"):
        config["configurable"][CONFIG_KEY_STRICT_RESUME] = True
    if given.get("recursion_limit") is not None:
        config["recursion_limit"] = int(given["recursion_limit"])
    return config


def context_of(request: Mapping[str, Any], schema: type[Any]) -> Mapping[str, Any]:
    """The context of a run, for a graph that has one: what the client says, or what the thread remembers of it."""
    given: Mapping[str, Any] | None = request.get("context") or (request.get("config") or {}).get("configurable")
    known = {name for base in schema.__mro__ for name in getattr(base, "__annotations__", ())}
    return given or {key: value for key, value in (request.get(REMEMBERED) or {}).items() if key in known}


def config_of_thread(thread: Thread) -> RunnableConfig:
    """For a function that makes a graph, where no run is performed: what the thread's runs were configured with."""
    return {"configurable": {**(thread.config.get("configurable") or {}), "thread_id": thread.id}}


def config_of_assistant(kept: Mapping[str, Any]) -> RunnableConfig:
    """The same where a graph is only looked at: its `config` and `context`."""
    given: Mapping[str, Any] = kept["config"].get("configurable") or {}
    return {"configurable": {**of_clients(kept["context"]), **of_clients(given)}}


def _user(request: Mapping[str, Any]) -> dict[str, Any]:
    """Who asks, as graphs look for it: where the application's own auth let them in."""
    user = request.get(AUTH_USER)
    if user is None:
        return {}
    return {
        "langgraph_auth_user": user,
        "langgraph_auth_user_id": user["identity"],
        "langgraph_auth_permissions": list(user["permissions"] or ()),
    }


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


def command_or(values: Any) -> Any:
    """Values, or what a superstep of a thread's creation commands instead."""
    return (
        command({"command": values["__command__"]}) if isinstance(values, dict) and "__command__" in values else values
    )


def _goto(given: Any) -> Any:
    if isinstance(given, str):
        return given
    if isinstance(given, Mapping) and isinstance(given.get("node"), str):
        return Send(given["node"], given.get("input"))
    raise InputError("'command.goto' names a node, or sends to one.", hint='{"node": "NAME", "input": {…}}')


def refuse_unknown_nodes(given: Command[Any] | None, nodes: Collection[str], graph: str) -> None:
    """A command that goes to a node which is not there would be taken, and come to nothing.

    Raises:
        InputError: the graph has no such node.
    """
    goto = given.goto if given is not None else ()
    for each in goto if isinstance(goto, list | tuple) else [goto]:
        name = each.node if isinstance(each, Send) else each
        if name not in nodes:
            raise InputError(
                f"'command.goto' names {name[:100]!r}, and the graph '{graph}' has no such node.",
                hint=f"Its nodes: {', '.join(sorted(nodes))}.",
                code="node_unknown",
            )


def sets_aside(run: Run) -> bool:
    """Whether the run only ends what its thread does: how Agent Chat UI marks a question as resolved. The same as the
    state of nothing after `__end__`, which is how Agent Inbox does."""
    return {key: value for key, value in (run.request.get("command") or {}).items() if value} == {"goto": "__end__"}


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


async def refuse_unknown_checkpoint(run: Run, saver: BatonSaver) -> None:
    """From a checkpoint that is not there LangGraph would begin anew, and that would be the thread's state.

    Raises:
        NotFoundError: the run is to go on from one.
    """
    configurable = config_of(run)["configurable"]
    named = configurable.get("checkpoint_id")
    where = Place(checkpoint_id=str(named), checkpoint_ns=str(configurable.get("checkpoint_ns") or ""))
    if named and await saver.aget_tuple({"configurable": where.configurable(run.thread_id)}) is None:
        raise no_checkpoint(run.thread_id, where)


def no_checkpoint(thread_id: str, place: Place) -> NotFoundError:
    return NotFoundError(
        f"Thread '{thread_id}' has no checkpoint '{place.checkpoint_id}'.", code="checkpoint_not_found"
    )
