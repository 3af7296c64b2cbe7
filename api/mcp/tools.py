"""What is offered to MCP clients: a tool for each published workflow, one to wait, one to decide what is asked."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from api.security import Principal, Right
from api.security.needs import Needs
from graphs.errors import InputError, NotFoundError
from orchestrator.approvals.rules import Given, concerns
from orchestrator.approvals.values import Approval, Decision, Person
from orchestrator.engine import Orchestrator
from orchestrator.ids import shown_id
from orchestrator.quota import UNLIMITED, Quota
from orchestrator.serving.carrying import until_rest
from orchestrator.store.port import Execution, Record
from orchestrator.tenancy import STARTED_BY, TenantView

PATIENCE: Final = 25.0
"""Seconds that the call of a workflow waits for its end: clients give a call up after a minute, or half of one."""

_LONGEST_WAIT: Final = 300.0
WAIT: Final = "baton_wait"
DECIDE: Final = "baton_decide"
_NOT_OF_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]")
Tell = Callable[[Record], Awaitable[None]]

_ID = {"type": "string", "description": "The execution_id that the workflow's tool gave."}
_WAIT_INPUT = {
    "type": "object",
    "properties": {
        "execution_id": _ID,
        "seconds": {"type": "number", "minimum": 0, "maximum": _LONGEST_WAIT, "default": PATIENCE},
    },
    "required": ["execution_id"],
    "additionalProperties": False,
}
_DECISIONS: Mapping[str, Decision] = {one: one for one in get_args(Decision)}
_DECIDE_INPUT = {
    "type": "object",
    "properties": {
        "execution_id": _ID,
        "path": {"type": "string", "description": "Which question; not needed when there is one."},
        "decision": {"type": "string", "enum": list(_DECISIONS)},
        "digest": {
            "type": "string",
            "description": "Of the question as it was shown: what has changed is not decided.",
        },
        "data": {"description": "The edited values, or the answer."},
        "reason": {"type": "string"},
    },
    "required": ["execution_id", "decision", "digest"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool.

    Attributes:
        right: What calling it takes.
        workflow: The workflow it starts, if it does.
        effect: Whether it changes something.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    right: Right
    workflow: str | None = None
    effect: bool = True


class Workbench:
    """The tools of one caller.

    Args:
        orchestrator: Whose workflows.
        who: Who calls.
        quota: See `TenantView`.
    """

    def __init__(self, orchestrator: Orchestrator, who: Principal, quota: Quota = UNLIMITED) -> None:
        self._baton = orchestrator
        self._who = who
        self._view = TenantView(orchestrator, who.tenant, who.name, who.consent, quota)
        self._person = Person(who.name, who.groups)

    async def offered(self) -> Sequence[Offered]:
        """What the caller may call."""
        return [tool for tool in await self._tools() if tool.right in self._who.rights]

    async def _tools(self) -> Sequence[Offered]:
        tools = [
            Offered(
                WAIT,
                "Wait for an execution of a workflow until it has ended, or asks somebody something; shows how it is.",
                _WAIT_INPUT,
                Right.READ,
                effect=False,
            ),
            Offered(
                DECIDE,
                "Decide what an execution asks (approve, reject, edit, respond), and wait for what comes of it.",
                _DECIDE_INPUT,
                Right.DECIDE,
            ),
        ]
        taken = {tool.name for tool in tools}
        for name in await self._baton.catalogue.names(self._who.tenant):
            workflow = await self._view.definition(name)
            tool = _free_name(name, taken)
            taken.add(tool)
            schema = {"type": "object", **(workflow.spec.input.schema_ or {})}
            about = workflow.metadata.description or f"Run the workflow '{name}'."
            tools.append(Offered(tool, about, schema, Right.RUN, workflow=name))
        return tools

    async def call(self, name: str, arguments: Mapping[str, Any], tell: Tell, key: str | None = None) -> dict[str, Any]:
        """Call a tool.

        Args:
            key: Idempotency key of a start: the same one again is the same execution.
            tell: Is told what the execution does meanwhile.

        Raises:
            NotFoundError: there is none of that name.
            BatonError: as whatever it does raises.
        """
        tool = next((tool for tool in await self._tools() if tool.name == name), None)
        if tool is None:
            raise NotFoundError(
                f"There is no tool '{name[:100]}'.", hint="List the tools again.", code="tool_not_found"
            )
        Needs(tool.right).check(self._who)
        if tool.workflow is not None:
            execution = await self._view.start(tool.workflow, dict(arguments), idempotency_key=key)
            own = execution.metadata.get(STARTED_BY) == self._view.by
            return await self._settled(execution.id, PATIENCE, tell, reads=own or self._who.reads)
        execution_id = self._view.own(_text(arguments, "execution_id"))
        await self._view.get(execution_id)
        if tool.name == DECIDE:
            await self._decide(execution_id, arguments)
            return await self._settled(execution_id, PATIENCE, tell, reads=self._who.reads)
        seconds = arguments.get("seconds", PATIENCE)
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= _LONGEST_WAIT:
            raise InputError(f"'seconds' is a number from 0 to {_LONGEST_WAIT:g}.", code="argument_wrong")
        return await self._settled(execution_id, float(seconds), tell, reads=True)

    async def _decide(self, execution_id: str, arguments: Mapping[str, Any]) -> None:
        path = arguments.get("path")
        if path is None:
            asked = [one.wait.path for one in await self._asked(execution_id, reads=self._who.reads)]
            if len(asked) != 1:
                raise InputError(
                    "Nothing is asked now." if not asked else "Several things are asked at once.",
                    hint=f"Name one as 'path': {', '.join(asked)}." if asked else "Wait for the execution.",
                    code="path_needed",
                )
            path = asked[0]
        word = _text(arguments, "decision")
        if (decision := _DECISIONS.get(word)) is None:
            raise InputError(f"'{word[:50]}' is no decision.", code="argument_wrong")
        given = Given(
            decision=decision,
            data=arguments.get("data"),
            reason=arguments.get("reason"),
            digest=_text(arguments, "digest"),
        )
        await self._baton.inbox.decide(execution_id, str(path), self._person, given)

    async def _settled(self, execution_id: str, seconds: float, tell: Tell, *, reads: bool) -> dict[str, Any]:
        """How an execution is; without its values, and what others are asked, where somebody may not read them."""
        execution = await until_rest(self._baton, execution_id, seconds, tell)
        asked = [] if execution.status.final else await self._asked(execution_id, reads=reads)
        if not reads:
            execution = replace(execution, output=None, error=execution.error and {"code": execution.error.get("code")})
        document = _document(execution, [_question(one) for one in asked])
        if reads and not asked and (events := await self._awaited(execution)):
            # Who only waits, again and again, should know that it is somebody else's turn.
            document["next"] += f" It waits for the event {', '.join(events)}."
        return document

    async def _awaited(self, execution: Execution) -> list[str]:
        waits = [] if execution.status.final else await self._view.waits(execution.id)
        return sorted({wait.wait.event_type for wait in waits if wait.wait.event_type})

    async def _asked(self, execution_id: str, *, reads: bool) -> list[Approval]:
        paths = [wait.path for wait in await self._view.waits(execution_id) if wait.wait.kind == "approval"]
        found = [await self._baton.inbox.get(execution_id, path) for path in paths]
        now = self._baton.clock.now()
        return [one for one in found if reads or concerns(one, self._person, now)]


def _document(execution: Execution, questions: list[dict[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "execution_id": shown_id(execution.id),
        "workflow": execution.workflow,
        "version": execution.version,
        "status": str(execution.status),
        "output": execution.output,
        "error": execution.error,
        "questions": questions,
    }
    if not execution.status.final:
        how = f"decide with {DECIDE}" if questions else f"wait with {WAIT}"
        document["next"] = f"It has not ended: {how}."
    return document


def _question(approval: Approval) -> dict[str, Any]:
    wait = approval.wait.wait
    return {
        "path": approval.wait.path,
        "message": wait.question.get("message"),
        "payload": wait.question.get("payload"),
        "allow": wait.question.get("allow"),
        "schema": wait.response_schema,
        "digest": approval.digest,
        "due": wait.due.isoformat() if wait.due else None,
    }


def _free_name(workflow: str, taken: set[str]) -> str:
    """A tool's name that every client takes, and that no other tool has."""
    name = _NOT_OF_NAMES.sub("_", workflow)[:60]
    number = 2
    while name in taken:
        name = f"{_NOT_OF_NAMES.sub('_', workflow)[:60]}_{number}"
        number += 1
    return name


def _text(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f"'{name}' must be a text.", code="argument_wrong")
    return value
