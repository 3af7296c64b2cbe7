"""Everything that can be run, by name: users' own graphs, the workflows of the catalogue, and what comes with Baton."""

from collections.abc import Mapping, Sequence

from agents.planning.bounds import ASSISTANT
from graphs.errors import ConflictError, NotFoundError
from orchestrator.engine import Orchestrator
from orchestrator.serving.served import Served
from orchestrator.serving.workflows import WorkflowGraph


class Shelf:
    """Finds what is served.

    Args:
        graphs: Users' own graphs; a workflow of the same name is not seen.
        orchestrator: Knows the workflows.
        ours: Graphs that come with Baton; whatever else has their name is served in their place.
    """

    def __init__(self, graphs: Mapping[str, Served], orchestrator: Orchestrator, ours: Mapping[str, Served]) -> None:
        self._graphs = graphs
        self._orchestrator = orchestrator
        self._ours = ours

    def may_be_workflow(self, name: str) -> bool:
        """Whether a workflow of that name would be seen."""
        return name not in self._graphs

    async def find(self, name: str, tenant: str, version: str | None = None) -> Served | None:
        """What is served to a tenant under a name.

        Args:
            version: Of a workflow; None for the one that is started by name.
        """
        if (graph := self._graphs.get(name)) is not None:
            return graph
        workflow = await self._orchestrator.catalogue.find(name, version, tenant)
        return WorkflowGraph(workflow, self._orchestrator, tenant) if workflow is not None else self._ours.get(name)

    async def get(self, name: str, tenant: str, version: str | None = None) -> Served:
        """What is served to a tenant under a name. See `find`.

        Raises:
            NotFoundError: nothing is.
        """
        served = await self.find(name, tenant, version)
        if served is None:
            raise NotFoundError(
                f"No graph and no workflow '{name}' is served.",
                hint=f"Served: {', '.join(await self.names(tenant)) or 'nothing'}.",
                code="graph_not_found",
            )
        return served

    async def refuse_withdrawn(self, name: str, tenant: str) -> None:
        """For what starts with nobody there to read a note.

        Raises:
            ConflictError: it is a workflow all of whose versions are deprecated.
        """
        found = None if name in self._graphs else await self._orchestrator.catalogue.find(name, None, tenant)
        published = await self._orchestrator.store.published(name, tenant=tenant)
        if found is None or published is None or published.digest != found.digest:
            return  # it is no workflow, or one that was handed over in Python
        if published.status == "deprecated":
            raise ConflictError(
                f"Workflow '{name}' is deprecated in all its versions.",
                hint="Publish another version, or restore one.",
                code="workflow_deprecated",
            )

    async def names(self, tenant: str) -> Sequence[str]:
        """All that is served to a tenant."""
        workflows = await self._orchestrator.catalogue.names(tenant)
        # The ad-hoc assistant is one of them also where no model is set: it answers with what is to be done about that.
        return list(dict.fromkeys([*self._graphs, *workflows, ASSISTANT, *self._ours]))
