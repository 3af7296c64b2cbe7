"""Assistants: one for each graph by itself, and those that clients make of them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphs.clock import Clock
from graphs.errors import InputError
from orchestrator.serving.served import Served
from orchestrator.serving.shelf import Shelf
from orchestrator.store.acts import about
from orchestrator.store.served.assistants import no_assistant
from orchestrator.store.served.following import CHOSEN, VERSION
from orchestrator.store.served.values import Assistant, Search
from orchestrator.store.sqlite import SqliteStore

_NAMES = uuid.UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
"""Both servers there were before us name a graph's own assistant so."""


def assistant_id_of(graph: str) -> str:
    """The id of a graph's own assistant."""
    return str(uuid.uuid5(_NAMES, graph))


def version_of(assistant: Assistant) -> str | None:
    """The version of a workflow that an assistant's runs start; None for the one that is started by name."""
    own = assistant.id == assistant_id_of(assistant.graph) and bool(assistant.metadata.get(CHOSEN))
    version = assistant.metadata.get(VERSION)
    return version if own and isinstance(version, str) else None


class AssistantDesk:
    """What the gateway asks about assistants."""

    def __init__(self, store: SqliteStore, shelf: Shelf, clock: Clock) -> None:
        self._store = store
        self._shelf = shelf
        self._clock = clock
        self._known: set[tuple[str, str]] = set()
        self._followed: dict[tuple[str, str], str] = {}
        """Of workflows, the marks up to which their own assistants have followed them."""

    async def get(self, name: str, tenant: str) -> Assistant:
        """An assistant by its id, or a graph's own by the graph's name.

        Raises:
            NotFoundError: there is none of that id.
            InputError: it is no id, and no graph has that name.
        """
        found = self._find(name, tenant)
        if found is None:
            await self._know_graphs(tenant)
            found = self._find(name, tenant)
        elif found.id == assistant_id_of(found.graph) and await self._follow(tenant, found.graph):
            found = self._find(name, tenant)
        if found is None:
            raise no_assistant(name) if _is_uuid(name) else await self._no_graph(name, tenant)
        return found

    def _find(self, name: str, tenant: str) -> Assistant | None:
        return self._store.assistant(name, tenant) or self._store.assistant(assistant_id_of(name), tenant)

    async def served(self, name: str, tenant: str) -> Served:
        """The graph of an assistant.

        Raises:
            NotFoundError: there is no such assistant, or its graph is no longer served.
        """
        found = await self.get(name, tenant)
        return (await self._shelf.get(found.graph, tenant, version_of(found))).of_assistant(found)

    async def search(self, which: Search) -> tuple[Sequence[Assistant], int]:
        """Assistants that fit, and how many there are in all."""
        await self._know_graphs(which.tenant)
        return await self._store.assistants(which)

    async def create(self, assistant: Assistant, *, again: bool) -> Assistant:
        """Keep a new assistant.

        Raises:
            NotFoundError: its graph is not served.
            ConflictError: its id is taken.
        """
        served = await self._shelf.get(assistant.graph, assistant.tenant)
        kept = served.sealed({"config": assistant.config, "context": assistant.context})
        about({"assistant_id": assistant.id})
        return await self._store.create_assistant(replace(assistant, **kept), again=again)

    async def change(
        self, name: str, tenant: str, changes: Mapping[str, Any], metadata: Mapping[str, Any] | None
    ) -> Assistant:
        """A new version of an assistant.

        Raises:
            NotFoundError: there is none, or its new graph is not served.
        """
        if "graph" in changes:
            await self._shelf.get(changes["graph"], tenant)
        found = await self.get(name, tenant)
        served = await self._shelf.find(found.graph, tenant)
        kept = changes if served is None else served.sealed(changes)
        return await self._store.change_assistant(found.id, tenant, kept, metadata=metadata)

    async def versions(
        self, name: str, tenant: str, *, limit: int, offset: int, metadata: Mapping[str, Any]
    ) -> Sequence[Assistant]:
        """Versions, newest first."""
        return await self._store.versions((await self.get(name, tenant)).id, tenant, limit, offset, metadata)

    async def set_latest(self, name: str, tenant: str, version: int) -> Assistant:
        """Make an older version the one that is used."""
        found = await self.get(name, tenant)
        if VERSION in found.metadata and found.id == assistant_id_of(found.graph):
            return await self._store.choose_version(found.id, tenant, version, found.graph)
        return await self._store.set_latest(found.id, tenant, version)

    async def delete(self, name: str, tenant: str) -> None:
        """Delete an assistant. A graph's own is there again when it is next asked for."""
        found = await self.get(name, tenant)
        await self._store.delete_assistant(found.id, found.tenant)
        self._known.discard((tenant, found.graph))
        self._followed.pop((tenant, found.graph), None)

    async def _no_graph(self, name: str, tenant: str) -> InputError:
        return InputError(
            f"No graph and no workflow '{name}' is served, and it is no assistant's id.",
            hint=f"Served: {', '.join(await self._shelf.names(tenant)) or 'nothing'}.",
            code="graph_unknown",
        )

    async def _know_graphs(self, tenant: str) -> None:
        """Every graph has an assistant of its own; workflows may have been published since, by other processes too."""
        for name in await self._shelf.names(tenant):
            if (tenant, name) not in self._known:
                now, served = self._clock.now(), await self._shelf.find(name, tenant)
                own = Assistant(
                    id=assistant_id_of(name),
                    tenant=tenant,
                    graph=name,
                    name=name,
                    description=served.description if served is not None else None,
                    metadata={"created_by": "system"},
                    created_at=now,
                    updated_at=now,
                )
                await self._store.create_assistant(own, again=True)
                self._known.add((tenant, name))
        await self._follow(tenant)

    async def _follow(self, tenant: str, name: str | None = None) -> bool:
        """Each version of a workflow that was published is a version of its own assistant; whether there was news."""
        if name is not None and not self._shelf.may_be_workflow(name):
            return False
        news = False
        for workflow, mark in self._store.marks_of_workflows(tenant, name).items():
            key = (tenant, workflow)
            if self._followed.get(key) != mark and self._shelf.may_be_workflow(workflow):
                await self._store.follow_workflow(assistant_id_of(workflow), tenant, workflow)
                self._followed[key], news = mark, True
        return news


def _is_uuid(name: str) -> bool:
    try:
        uuid.UUID(name)
    except ValueError:
        return False
    return True
