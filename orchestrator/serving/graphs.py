"""A user's own graph, served: on our checkpointer, with our queue in front of it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from copy import copy
from dataclasses import replace
from typing import Any, Self

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import CONFIG_KEY_STREAM_MESSAGES_V2
from langgraph.constants import END, START
from langgraph.errors import InvalidUpdateError, UnknownInterruptError
from langgraph.pregel import Pregel
from langgraph.types import Command, StateSnapshot, StateUpdate

from graphs.errors import ConflictError, InputError
from orchestrator.queue.port import Ticket
from orchestrator.sealing import Cipher
from orchestrator.serving.asked import (
    command,
    command_or,
    config_of,
    config_of_assistant,
    config_of_thread,
    context_of,
    no_checkpoint,
    refuse_unknown_checkpoint,
    refuse_unknown_nodes,
    sets_aside,
)
from orchestrator.serving.configured import Configured
from orchestrator.serving.items import ItemStore
from orchestrator.serving.loading import Source, schemas_of, served_copy
from orchestrator.serving.resuming import answered_once
from orchestrator.serving.served import Caller, Document, Edit, Place, Say, Window
from orchestrator.serving.snapshots import empty_state, ended_with, place_of, state_of
from orchestrator.serving.speech import Speech, modes_of
from orchestrator.store.port import DEFAULT_TENANT
from orchestrator.store.served.values import Assistant, Ended, Run, Thread
from orchestrator.store.sqlite import SqliteStore
from orchestrator.store.units import Beside

_PASSED_ON = ("interrupt_before", "interrupt_after", "durability")


class UserGraph:
    """Implements orchestrator.serving.served.Served.

    Args:
        source: Where the graph comes from.
        store: Keeps its runs and checkpoints.
    """

    copied = True
    lasting = True

    def __init__(self, name: str, source: Source, store: SqliteStore, cipher: Callable[[], Cipher]) -> None:
        self.name = name
        self.description = source.description
        self._source = source
        self._saver = store.saver
        self._store = store
        self._ready: dict[str, Any] = {}
        self._config: RunnableConfig = {"configurable": {}}
        self._configured = Configured(cipher)

    def of_assistant(self, assistant: Assistant) -> Self:
        """See the port: a function that makes the graph is told what the assistant is configured with."""
        one = copy(self)
        kept = self._configured.opened({"config": assistant.config, "context": assistant.context})
        one._config = config_of_assistant(kept)
        return one

    def speaks(self, names: Mapping[str, Any]) -> bool:
        """See the port."""
        return "nostream" not in (names.get("tags") or ())

    # -- running -------------------------------------------------------------------------------------------------

    async def admit(self, run: Run, by: Caller) -> Sequence[Beside]:
        """See the port."""
        await self._refuse_unknown_nodes(run)
        once = answered_once(run, self._store)
        execution = await self._store.execution(run.thread_id)
        if execution is not None and execution.tenant == run.tenant:
            raise ConflictError(
                f"Thread '{run.thread_id}' is an execution of a workflow; no graph runs on it.",
                hint="Make another thread.",
                code="thread_of_workflow",
            )
        await refuse_unknown_checkpoint(run, self._saver)
        return once

    async def _refuse_unknown_nodes(self, run: Run) -> None:
        given = command(run.request)
        if given is None or not given.goto or not self._source.static:
            return  # what a function makes is known when it is made
        async with AsyncExitStack() as stack:
            graph = await self._open(stack, run.tenant)
        if isinstance(graph, Pregel):
            refuse_unknown_nodes(given, {*graph.nodes, END} - {START}, self.name)

    def sealed(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """See the port: a graph's state has no secret inputs, but it may be configured with secrets."""
        return self._configured.sealed(request)

    def fingerprint(self, wish: Mapping[str, Any]) -> str:
        """See the port."""
        return self._configured.fingerprint(wish)

    async def perform(self, ticket: Ticket, say: Say) -> Ended:
        """See the port."""
        run = self._opened(ticket.run)
        async with AsyncExitStack() as stack:
            config = config_of(run)
            graph = await self._open(stack, run.tenant, config)
            if sets_aside(run):
                await graph.aupdate_state(_thread(run.thread_id), None, as_node=END)
            else:
                given, config = await self._where_it_stands(run, config)
                try:
                    await self._drive(graph, given, config, run, say)
                except UnknownInterruptError as error:
                    say("error", said := {"error": type(error).__name__, "message": str(error)})
                    return replace(
                        ended_with(await graph.aget_state(_thread(run.thread_id))), status="error", error=said
                    )
            snapshot = await graph.aget_state(_thread(run.thread_id))
        return ended_with(snapshot)

    async def after_stop(self, ticket: Ticket) -> Ended:
        """See the port: a rollback takes what the run kept with it."""
        if ticket.stop == "rollback":
            await self._saver.adelete_for_runs([ticket.run.id])
        return replace(await self.left(ticket.run), status="interrupted")

    async def left(self, run: Run) -> Ended:
        """See the port."""
        async with AsyncExitStack() as stack:
            try:
                graph = await self._open(stack, run.tenant, config_of(self._opened(run)))
            except InputError:  # it cannot be made, so it has left nothing either
                return Ended(status="error", thread="error")
            return ended_with(await graph.aget_state(_thread(run.thread_id)))

    def _config_of(self, thread: Thread) -> RunnableConfig:
        return config_of_thread(replace(thread, config=self._configured.opened(thread.config)))

    def _opened(self, run: Run) -> Run:
        return replace(run, request=self._configured.opened(run.request))

    async def _drive(self, graph: Any, given: Any, config: RunnableConfig, run: Run, say: Say) -> None:
        request = run.request
        modes = modes_of(request.get("stream_mode"))
        speech = Speech(modes, subgraphs=bool(request.get("stream_subgraphs")), say=say)
        more: dict[str, Any] = {name: request[name] for name in _PASSED_ON if request.get(name) is not None}
        if "durability" not in more:
            # A node begins when what came before it is kept, unless the client wants it faster: nothing is done twice.
            more["durability"] = "exit" if request.get("checkpoint_during") is False else "sync"
        if graph.context_schema is not None:
            more["context"] = context_of(request, graph.context_schema)
        streaming = {"stream_mode": speech.modes, "subgraphs": speech.subgraphs, **more}
        if request.get("protocol"):
            config = {**config, "configurable": {**config["configurable"], CONFIG_KEY_STREAM_MESSAGES_V2: True}}
            await speech.follow_v2(graph.astream(given, config, version="v2", **streaming))
        elif "events" in modes:
            config = {**config, "run_id": run.id}  # type: ignore[typeddict-item]
            await speech.follow_events(graph.astream_events(given, config, version="v2", **streaming), run.id)
        else:
            await speech.follow(graph.astream(given, config, **streaming))

    async def _where_it_stands(self, run: Run, config: RunnableConfig) -> tuple[Any, RunnableConfig]:
        """What to drive with. After a crash: the input only when it had not been taken in."""
        given = command(run.request)
        given = given if given is not None else run.request.get("input")
        now = self._store.standing(run.thread_id)
        if run.attempts == 1 or now.items() <= run.begun_at.items():
            return given, config
        where = config["configurable"]
        config = {**config, "configurable": {key: where[key] for key in where if key != "checkpoint_id"}}
        if now["checkpoint"] == run.begun_at["checkpoint"] and isinstance(given, Command):
            return await self._not_yet_answered(run, given), config
        return None, config

    async def _not_yet_answered(self, run: Run, given: Command[Any]) -> Command[Any] | None:
        """Of answers by id, those that no task had taken in: a second time, they would answer the task's next question
        with the same words. LangGraph keeps an answer without an id itself, before anything runs on it."""
        found = await self._saver.aget_tuple(_thread(run.thread_id))
        if found is None or not isinstance(given.resume, dict):
            return None
        took = {
            task for task, channel, _ in found.pending_writes or () if channel not in ("__interrupt__", "__error__")
        }
        asked = {
            asked.id
            for task, channel, value in found.pending_writes or ()
            if channel == "__interrupt__" and task not in took
            for asked in (value if isinstance(value, list | tuple) else [value])
        }
        left = {key: value for key, value in given.resume.items() if key in asked}
        return Command(resume=left) if left else None

    async def _open(
        self, stack: AsyncExitStack, tenant: str = DEFAULT_TENANT, config: RunnableConfig | None = None
    ) -> Any:
        """The graph, on a tenant's items."""
        if (ready := self._ready.get(tenant)) is not None:
            return ready
        items = ItemStore(self._store, tenant)
        graph = served_copy(await self._source.open(stack, config or self._config), self._saver, items)
        if self._source.static:
            self._ready[tenant] = graph
        return graph

    # -- looking -------------------------------------------------------------------------------------------------

    async def state(self, thread: Thread, place: Place, *, subgraphs: bool) -> Document:
        """See the port."""
        async with AsyncExitStack() as stack:
            graph = await self._open(stack, thread.tenant, self._config_of(thread))
            config: RunnableConfig = {"configurable": place.configurable(thread.id)}
            snapshot = await graph.aget_state(config, subgraphs=subgraphs)
        if snapshot.created_at is None:
            if place.checkpoint_id is not None:
                raise no_checkpoint(thread.id, place)
            return empty_state(thread.id)
        return state_of(snapshot, thread.id)

    async def history(self, thread: Thread, window: Window) -> Sequence[Document]:
        """See the port."""
        where = window.place or Place()
        config: RunnableConfig = {"configurable": where.configurable(thread.id)}
        before: RunnableConfig | None = (
            {"configurable": window.before.configurable(thread.id)} if window.before is not None else None
        )
        found: list[Document] = []
        async with AsyncExitStack() as stack:
            graph = await self._open(stack, thread.tenant, self._config_of(thread))
            # Metadata is compared here: its names come from clients, and must not reach a query's text.
            async for snapshot in graph.aget_state_history(config, before=before):
                metadata = snapshot.metadata or {}
                if all(metadata.get(key) == value for key, value in window.metadata.items()):
                    found.append(state_of(snapshot, thread.id))
                if len(found) >= window.limit:
                    break
        return found

    async def current(self, thread: Thread) -> Thread:
        """See the port: what the last run left is what there is."""
        return thread

    # -- changing ------------------------------------------------------------------------------------------------

    async def edit(self, thread: Thread, edits: Sequence[Sequence[Edit]]) -> Place:
        """See the port."""
        supersteps = [[StateUpdate(command_or(edit.values), edit.as_node) for edit in superstep] for superstep in edits]
        where = edits[0][0].place
        config: RunnableConfig = {
            "configurable": where.configurable(thread.id),
            "metadata": {"graph_id": self.name, "thread_id": thread.id},
        }
        async with AsyncExitStack() as stack:
            graph = await self._open(stack, thread.tenant, self._config_of(thread))
            try:
                changed = await graph.abulk_update_state(config, supersteps)
            except (InvalidUpdateError, ValueError, KeyError, TypeError) as error:
                raise InputError(f"The state cannot be changed so: {error}.", code="update_invalid") from error
            snapshot = await graph.aget_state(_thread(thread.id))
        await self._keep(thread, snapshot)
        return Place(**{key: value for key, value in (place_of(changed) or {}).items() if key != "thread_id"})

    async def _keep(self, thread: Thread, snapshot: StateSnapshot) -> None:
        left = ended_with(snapshot)
        await self._store.leave(thread.id, left)

    # -- describing ----------------------------------------------------------------------------------------------

    async def drawing(self, xray: bool | int) -> Document:
        """See the port."""
        async with AsyncExitStack() as stack:
            graph = await self._open(stack)
            drawn: Document = (await graph.aget_graph(xray=xray)).to_json()
            return drawn

    async def schemas(self) -> Document:
        """See the port."""
        async with AsyncExitStack() as stack:
            return schemas_of(self.name, await self._open(stack))

    async def subgraphs(self, namespace: str | None, *, recurse: bool) -> Mapping[str, Document]:
        """See the port."""
        async with AsyncExitStack() as stack:
            graph = await self._open(stack)
            found = graph.aget_subgraphs(namespace=namespace, recurse=recurse)
            return {name: schemas_of(self.name, inner) async for name, inner in found if isinstance(inner, Pregel)}


def _thread(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}
