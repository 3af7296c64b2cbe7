"""What a start fixes for good: the definition, the sub-workflows it may use, the input, the secrets."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from graphs.clock import Clock
from graphs.errors import InputError
from graphs.inputs import check_input, secret_paths
from graphs.spec import AGENT_LABEL, ANY_AGENT, ANY_WORKFLOW, Workflow
from graphs.state import ExecutionStatus
from graphs.values import json_value
from orchestrator.fingerprints import fingerprint
from orchestrator.ids import is_anothers
from orchestrator.sealing import Cipher, take_secrets
from orchestrator.store.port import DEFAULT_TENANT, Execution

_ID: Final = re.compile(r"(?!-)[!-~]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a caller gives besides the workflow and its input.

    `version` is the one that was asked for. With `pins`, sub-workflows are not looked up anew.
    """

    execution_id: str | None = None
    idempotency_key: str | None = None
    version: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    user_context: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    tenant: str = DEFAULT_TENANT
    parent: str | None = None
    forked_at: str | None = None
    pins: Mapping[str, str] | None = None
    replay: dict[str, Any] | None = None
    changes: dict[str, Any] | None = None


def check_start(workflow: Workflow, given: Any, start: Start) -> Any:
    """What the execution works on: the input, with what its schema fills in.

    Raises:
        InputError: the input does not fit the workflow's schema; an id or a key is none.
    """
    _check_names(start)
    return check_input(workflow.spec.input.schema_, {} if given is None else given)


def new_execution(
    workflow: Workflow, given: Any, start: Start, pins: Mapping[str, str], clock: Clock, cipher: Callable[[], Cipher]
) -> tuple[Execution, dict[str, bytes]]:
    """The execution to keep, and its encrypted secrets.

    Raises:
        InputError: the input does not fit the workflow's schema; an id or a key is none.
    """
    checked = check_start(workflow, given, start)
    public, secrets = take_secrets(checked, secret_paths(workflow.spec.input.schema_))
    asked_for = _fingerprint(workflow, given, start, cipher() if secrets else None) if start.idempotency_key else None
    sealed = {name: cipher().encrypt(value) for name, value in secrets.items()}
    execution = Execution(
        id=str(uuid.uuid4()) if start.execution_id is None else start.execution_id,
        workflow=workflow.name,
        version=workflow.version,
        digest=workflow.digest,
        status=ExecutionStatus.QUEUED,
        input=json_value(public),
        pins=pins,
        metadata=json_value(dict(start.metadata)),
        user_context=json_value(dict(start.user_context)),
        variables=json_value(dict(start.variables)),
        priority=start.priority,
        tenant=start.tenant,
        parent=start.parent,
        forked_at=start.forked_at,
        replay=start.replay,
        changes=start.changes,
        idempotency_key=start.idempotency_key,
        fingerprint=asked_for,
        created_at=clock.now(),
    )
    return execution, sealed


def _fingerprint(workflow: Workflow, given: Any, start: Start, cipher: Cipher | None) -> str:
    """Not of the metadata: what is kept beside a wish (who, when, by which request) may differ when it is repeated."""
    asked = [workflow.name, start.version, given or {}, dict(start.user_context), dict(start.variables)]
    return fingerprint(asked, cipher)


def _check_names(start: Start) -> None:
    # An id becomes part of idempotency keys, which are sent in headers; and it is typed in commands.
    chosen = start.execution_id
    if chosen is not None and (not _ID.fullmatch(chosen) or is_anothers(chosen, start.tenant)):
        raise InputError(
            f"{chosen[:60]!r} cannot be the id of an execution.",
            hint="An id has 1 to 255 visible ASCII characters, no spaces, and does not begin with '-'.",
            code="execution_id_invalid",
        )
    if start.idempotency_key == "":
        raise InputError(
            "The idempotency key is empty.", hint="Leave it out, or give one.", code="idempotency_key_invalid"
        )


class Offering(Protocol):
    """Where the workflows are that others run as steps."""

    async def used(self, name: str, version: str | None, tenant: str) -> Workflow | None:
        """The workflow or agent of that name; the newest version where none is asked for."""
        ...

    async def every(self, tenant: str) -> Sequence[Workflow]:
        """The newest version of each that may be run by name."""
        ...


async def pin(workflow: Workflow, offering: Offering, tenant: str) -> dict[str, str]:
    """Digests of every sub-workflow the workflow may start, however deep, under the names they are asked by.

    One that cannot be found is left out: the step that wants it fails and says so, if it is ever reached.
    """
    pins: dict[str, str] = {}
    waiting, seen = [workflow], {workflow.digest}
    while waiting:
        for name, version in waiting.pop().subworkflows:
            for key, found in await _meant(name, version, workflow, offering, tenant):
                pins.setdefault(key, found.digest)
                if found.digest not in seen:
                    seen.add(found.digest)
                    waiting.append(found)
    return pins


async def _meant(
    name: str, version: str | None, workflow: Workflow, offering: Offering, tenant: str
) -> list[tuple[str, Workflow]]:
    if name in (ANY_WORKFLOW, ANY_AGENT):
        return [
            (one.name, one)
            for one in await offering.every(tenant)
            if one.name != workflow.name and (name == ANY_WORKFLOW or AGENT_LABEL in one.metadata.labels)
        ]
    found = await offering.used(name, version, tenant)
    return [(f"{name}@{version}" if version else name, found)] if found is not None else []
