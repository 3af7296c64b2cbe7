"""Workflows by name and by digest: published ones, those of Python modules, and those executions are pinned to."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from agents.reasoning.agents import Agents
from agents.reasoning.defining import definition_of
from graphs.clock import Clock
from graphs.errors import NotFoundError, StoreError
from graphs.inputs import secret_paths
from graphs.loading.names import listing, suggestion
from graphs.prepare import Library
from graphs.spec import AGENT_LABEL, Workflow
from graphs.validation import Known
from orchestrator.brain.assistant import ASSISTANT, load_assistant
from orchestrator.sealing import Cipher, Sealer
from orchestrator.secrets import reads_secrets
from orchestrator.store.port import DEFAULT_TENANT, Execution, PublishedWorkflow
from orchestrator.store.sqlite import SqliteStore

_MOST_OFFERED: Final = 500
"""Workflows that an execution is pinned to when any may be wanted; the latest published come first."""


class Catalogue:
    """Finds definitions, and keeps them so that they are found again.

    Args:
        given: Workflows handed over in Python; those with callables are found by their digest here only.
        agents: Agents handed over in Python: steps may name them, and are pinned to what they say.
        cipher: Opens what encrypts secret inputs, when it is first needed.
        limits: Names that steps may give under `limits`.
        offers_assistant: Whether the ad-hoc assistant is among the names; it can be started in any case.
    """

    def __init__(
        self,
        store: SqliteStore,
        library: Library,
        clock: Clock,
        *,
        given: Iterable[Workflow] = (),
        agents: Agents | None = None,
        cipher: Callable[[], Cipher],
        limits: Collection[str] = (),
        offers_assistant: bool = False,
    ) -> None:
        self._store = store
        self._clock = clock
        self.library = library
        self.cipher = cipher
        self.limits = limits
        self._given = {workflow.name: library.add(workflow) for workflow in given}
        self._agents = agents if agents is not None else Agents()
        for agent in self._agents:  # an execution that is pinned to one is to be taken up
            library.add(definition_of(agent))
        self._kept: set[str] = set()
        self._offers_assistant = offers_assistant
        self._assistant: Workflow | None = None

    # -- finding -----------------------------------------------------------------------------------------------

    async def definition_of(
        self, workflow: Workflow | str, version: str | None, tenant: str = DEFAULT_TENANT
    ) -> Workflow:
        """A workflow to start, kept by its digest so that its executions can be taken up again.

        Raises:
            NotFoundError: none is published under the name.
        """
        if isinstance(workflow, str):
            found = await self.find(workflow, version, tenant)
            if found is None:
                raise await self._unknown(workflow, version, tenant)
            workflow = found
        return await self._keep(workflow)

    async def find(self, name: str, version: str | None, tenant: str = DEFAULT_TENANT) -> Workflow | None:
        """The workflow of that name, kept; the newest version where none is asked for.

        Workflows handed over in Python are every tenant's; published ones are their publisher's.
        """
        if (given := self._given.get(name)) is not None and version in (None, given.version):
            return await self._keep(given)
        published = await self._store.published(name, version, tenant=tenant)
        if published is None:
            return await self._keep_assistant(version) if name == ASSISTANT else None
        return await self._keep(self._load(published.document))

    async def used(self, name: str, version: str | None, tenant: str = DEFAULT_TENANT) -> Workflow | None:
        """What a step means by a name: as `find`, or an agent handed over in Python, which wins over a published one.

        Such agents cannot be started by name: whoever may start workflows was not given them.
        """
        found = await self.find(name, version, tenant)
        taken = found is not None and (name in self._given or AGENT_LABEL not in found.metadata.labels)
        if taken or name not in self._agents or version not in (None, self._agents.get(name).version):
            return found
        return await self._keep(definition_of(self._agents.get(name)))

    async def _keep_assistant(self, version: str | None) -> Workflow | None:
        """The ad-hoc assistant that comes with Baton; whatever is published under its name takes its place."""
        if self._assistant is None:
            self._assistant = load_assistant(self.library.step_types)
        fits = self._assistant is not None and version in (None, self._assistant.version)
        return await self._keep(self._assistant) if self._assistant is not None and fits else None

    async def every(self, tenant: str = DEFAULT_TENANT) -> Sequence[Workflow]:
        """The newest version of each workflow and agent that may be run by name, and as well by another process."""
        newest: dict[str, PublishedWorkflow] = {}
        for published in await self._store.catalogue(tenant=tenant):
            if published.status != "deprecated":
                newest.setdefault(published.name, published)
        latest = sorted(newest.values(), key=lambda one: one.created_at, reverse=True)[:_MOST_OFFERED]
        given = [one for one in self._given.values() if not one.callables()]
        found = {one.name: self._load(one.document) for one in latest if not _callables(one.document)}
        for agent in map(definition_of, self._agents):
            if not _callables(agent.as_document()) and (
                agent.name not in found or AGENT_LABEL in found[agent.name].metadata.labels
            ):
                found[agent.name] = agent
        return [await self._keep(one) for one in {**found, **{one.name: one for one in given}}.values()]

    async def pinned(self, execution: Execution) -> Workflow:
        """The definition an execution is pinned to, its sub-workflows with it.

        Raises:
            StoreError: one of them holds Python callables, and no module offers it.
        """
        for digest in execution.pins.values():
            await self._by_digest(digest, execution)
        return await self._by_digest(execution.digest, execution)

    async def _by_digest(self, digest: str, execution: Execution) -> Workflow:
        if (workflow := self.library.workflow(digest)) is not None:
            return workflow
        document = await self._store.definition(digest)
        if document is None:
            raise StoreError(
                f"Execution '{execution.id}' is pinned to definition {digest[:12]}, which is not kept.",
                code="definition_missing",
            )
        if _callables(document):
            raise StoreError(
                f"Execution '{execution.id}' of {execution.workflow}@{execution.version} needs Python callables "
                f"({', '.join(_callables(document)[:3])}) that are not loaded, or have changed.",
                hint="Hand the workflow, or the agent, over (Orchestrator.open(…), BATON_MODULES), unchanged.",
                code="definition_needs_python",
            )
        return self.library.add(await self._keep(self._load(document)), digest)

    def _load(self, document: Mapping[str, Any]) -> Workflow:
        # Not judged again: what was accepted once must go on, also under a later Baton that would refuse it.
        try:
            return Workflow.model_validate(document)
        except ValidationError as error:
            raise StoreError(f"a kept definition cannot be read: {error}", code="definition_unreadable") from error

    async def _unknown(self, name: str, version: str | None, tenant: str) -> NotFoundError:
        known = await self.names(tenant)
        hint = None
        if version is not None and name in known:
            versions = [one.version for one in await self._store.catalogue(name, tenant=tenant)]
            given = [self._given[name].version] if name in self._given else []
            hint = listing(dict.fromkeys([*given, *versions]), f"Versions of '{name}'")
        return no_workflow(name, version, known, hint)

    async def _keep(self, workflow: Workflow) -> Workflow:
        workflow = self.library.add(workflow)
        if workflow.digest not in self._kept:
            await self._store.keep_definition(workflow.digest, workflow.as_document())
            self._kept.add(workflow.digest)
        return workflow

    async def names(self, tenant: str = DEFAULT_TENANT) -> Sequence[str]:
        """Every workflow of a tenant that can be started by name."""
        published = {item.name for item in await self._store.catalogue(tenant=tenant)}
        return sorted(published | set(self._given) | ({ASSISTANT} if self._offers_assistant else set()))

    async def may_name(self, offers: Known, *, tenant: str = DEFAULT_TENANT) -> Known:
        """What a tenant's definitions may name; a workflow that is not there may still be published.

        Args:
            offers: What steps may name of the engine's resources.
        """
        published = await self._store.catalogue(tenant=tenant)
        # Newest first, and of those the ones that are offered: as `find` does.
        listed = sorted(published, key=lambda one: one.status == "deprecated")

        def find(name: str, version: str | None) -> Workflow | None:
            given = self._given.get(name)
            if given is not None and version in (None, given.version):
                return given
            fits = (one for one in listed if one.name == name and version in (None, one.version))
            if (found := next(fits, None)) is not None:
                return self._load(found.document)
            own = load_assistant(self.library.step_types) if name == ASSISTANT else None
            return own if own is not None and version in (None, own.version) else None

        return replace(offers, workflow=find, workflows=await self.names(tenant), absent="warning", limits=self.limits)

    # -- publishing --------------------------------------------------------------------------------------------

    async def publish(
        self, workflow: Workflow, *, by: str | None = None, tenant: str = DEFAULT_TENANT
    ) -> PublishedWorkflow:
        """Add a version (C09, C10).

        Raises:
            ConflictError: the version exists and says something else.
        """
        await self._keep(workflow)
        return await self._store.publish(
            PublishedWorkflow(
                name=workflow.name,
                version=workflow.version,
                digest=workflow.digest,
                status="published",
                document=workflow.as_document(),
                created_at=self._clock.now(),
                created_by=by,
                tenant=tenant,
            )
        )

    async def published(
        self, name: str, version: str | None = None, *, tenant: str = DEFAULT_TENANT
    ) -> PublishedWorkflow:
        """A published version; the newest that is offered where none is asked for.

        Raises:
            NotFoundError: there is none.
        """
        found = await self._store.published(name, version, tenant=tenant)
        if found is None:
            raise await self._unknown(name, version, tenant)
        return found

    async def list(self, name: str | None = None, *, tenant: str = DEFAULT_TENANT) -> Sequence[PublishedWorkflow]:
        """Every version, or every version of one workflow."""
        return await self._store.catalogue(name, tenant=tenant)

    async def deprecate(
        self, name: str, version: str, *, deprecated: bool = True, tenant: str = DEFAULT_TENANT
    ) -> PublishedWorkflow:
        """Take a version out of what is started by name alone; executions in flight are not touched.

        Raises:
            NotFoundError: there is none.
        """
        try:
            return await self._store.deprecate(name, version, deprecated=deprecated, tenant=tenant)
        except NotFoundError:
            raise await self._unknown(name, version, tenant) from None

    async def offered(self, name: str, *, tenant: str = DEFAULT_TENANT) -> PublishedWorkflow | None:
        """The version that is started by name alone; None where all are deprecated, and there is no successor."""
        newest = await self._store.published(name, tenant=tenant)
        return newest if newest is not None and newest.status != "deprecated" else None

    # -- for the driver ----------------------------------------------------------------------------------------

    async def definition_for_retry(self, execution: Execution, *, newest: bool) -> Workflow:
        """The definition to go on with: the pinned one, or the newest published of that name."""
        if not newest:
            return await self.pinned(execution)
        return await self.definition_of(execution.workflow, None, execution.tenant)

    async def sealer(self, execution: Execution) -> Sealer:
        """What opens the execution's secrets."""
        workflow = self.library.workflow(execution.digest)
        if workflow is not None and not self._has_secrets(workflow):
            return Sealer({}, None)
        secrets = await self._store.secrets(execution.id)
        seals = bool(secrets) or (workflow is not None and reads_secrets(workflow))
        return Sealer(secrets, self.cipher() if seals else None)

    def _has_secrets(self, workflow: Workflow) -> bool:
        def look() -> bool:
            return bool(secret_paths(workflow.spec.input.schema_)) or reads_secrets(workflow)

        return self.library.remember("has_secrets", workflow.digest, look)


def has_callables(document: Mapping[str, Any]) -> bool:
    """Whether a kept definition holds Python callables, so that it cannot be read back without its module."""
    return bool(_callables(document))


def _callables(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        if "$python" in value:
            return [str(value["$python"])]
        return [name for item in value.values() for name in _callables(item)]
    return [name for item in value for name in _callables(item)] if isinstance(value, list) else []


def no_workflow(name: str, version: str | None, known: Collection[str], hint: str | None = None) -> NotFoundError:
    """The error for a name under which nothing can be started; the hint is the nearest of those there are."""
    asked = f"'{name}'{f' in version {version}' if version else ''}"
    near = suggestion(name, known, "Published") if known else "None is: baton publish FILE."
    return NotFoundError(f"No workflow {asked} is published.", hint=hint or near, code="workflow_not_found")
