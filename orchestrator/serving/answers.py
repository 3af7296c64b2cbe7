"""Between an approval of ours and the questions and answers of LangGraph's clients (Agent Inbox, Agent Chat UI, the
middleware of LangChain's agents, plain values)."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from graphs.errors import ConflictError, InputError
from orchestrator.serving.served import Document
from orchestrator.store.port import OpenWait

Decision = Literal["approve", "reject", "edit", "respond"]

_SPACE = uuid.UUID("0a5c2b1e-7d1e-4b62-9c38-4f0f7f6f3d52")
_WORDS: Mapping[str, Decision] = {
    "accept": "approve",
    "approve": "approve",
    "approved": "approve",
    "yes": "approve",
    "ignore": "reject",
    "reject": "reject",
    "rejected": "reject",
    "no": "reject",
    "edit": "edit",
    "edited": "edit",
    "response": "respond",
    "respond": "respond",
    "responded": "respond",
}
_OFFERS: Mapping[str, Decision] = {
    "allow_accept": "approve",
    "allow_edit": "edit",
    "allow_respond": "respond",
    "allow_ignore": "reject",
}


class Answered(NamedTuple):
    """A decision as the engine takes it."""

    decision: Decision
    data: Any = None
    reason: str | None = None


def interrupt_id(wait: OpenWait) -> str:
    """The id of what is asked: the same for as long as it is asked."""
    return uuid.uuid5(_SPACE, f"{wait.execution_id}:{wait.path}:{wait.generation}").hex


def question_of(wait: OpenWait) -> Document:
    """What is asked, in the shape Agent Inbox shows, with the facts of ours beside it."""
    asked = wait.wait.question
    allow = asked.get("allow") or []
    payload = asked.get("payload")
    return {
        "action_request": {
            "action": wait.path,
            "args": payload if isinstance(payload, Mapping) else {} if payload is None else {"value": payload},
        },
        "config": {offer: decision in allow for offer, decision in _OFFERS.items()},
        "description": asked.get("message") or _waits_for(wait),
        "kind": wait.wait.kind,
        "path": wait.path,
        "due": wait.wait.due,
        "response_schema": wait.wait.response_schema,
        **{key: value for key, value in asked.items() if key in ("allow", "assignees", "groups", "event_type")},
    }


def interrupts_of(waits: Sequence[OpenWait]) -> Document:
    """Open waits by the task that asks."""
    return {interrupt_id(wait): [{"id": interrupt_id(wait), "value": question_of(wait)}] for wait in waits}


def answers_to(waits: Sequence[OpenWait], resume: Any) -> list[tuple[OpenWait, Answered]]:
    """Which question gets which decision.

    Args:
        resume: An answer, where one thing is asked; or answers by the ids of what is asked.

    Raises:
        ConflictError: nothing is asked, or several things are and it is not said which is answered.
        InputError: an answer cannot be understood.
    """
    known = {interrupt_id(wait): wait for wait in waits}
    if isinstance(resume, Mapping) and resume and all(key in known for key in resume):
        return [(known[key], _answer(known[key], value)) for key, value in resume.items()]
    asked = [wait for wait in waits if wait.wait.kind == "approval"]
    if not asked:
        raise ConflictError(
            "Nothing is asked that a decision could answer.",
            hint="It has been answered already, or the execution waits for an event or for time.",
            code="nothing_asked",
        )
    if len(asked) > 1:
        names = ", ".join(f"{interrupt_id(wait)} ({wait.path})" for wait in asked)
        raise ConflictError(
            "Several things are asked at once.",
            hint=f"Answer them by id: resume: {{ID: ANSWER}}. Asked: {names}.",
            code="several_asked",
        )
    return [(asked[0], _answer(asked[0], resume))]


def _answer(wait: OpenWait, given: Any) -> Answered:
    if isinstance(given, Mapping) and isinstance(given.get("decisions"), list):
        given = given["decisions"]
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if isinstance(given, bool):
        return Answered("approve" if given else "reject")
    if isinstance(given, str) and given.lower() in _WORDS and _WORDS[given.lower()] in ("approve", "reject"):
        return Answered(_WORDS[given.lower()])
    if isinstance(given, Mapping):
        word = given.get("decision", given.get("type"))
        if isinstance(word, str) and word.lower() in _WORDS:
            return _said(_WORDS[word.lower()], given)
        if isinstance(given.get("approved"), bool):
            return Answered("approve" if given["approved"] else "reject", reason=given.get("reason"))
    return _value(wait, given)


def _said(decision: Decision, given: Mapping[str, Any]) -> Answered:
    reason = given.get("reason", given.get("message"))
    data = given.get("data")
    if decision == "edit" and data is None:
        data = given.get("edited_action", given.get("args"))
        if isinstance(data, Mapping) and "args" in data:
            data = data["args"]
    if decision == "respond" and data is None:
        data = given.get("args", given.get("message"))
    return Answered(decision, data, reason if isinstance(reason, str) else None)


def _value(wait: OpenWait, given: Any) -> Answered:
    allow = wait.wait.question.get("allow") or ("respond",)
    for decision in ("respond", "edit"):
        if decision in allow:
            return Answered(decision, given)
    raise InputError(
        f"'{wait.path}' cannot be answered with that.",
        hint=f'Send {{"decision": …}} with one of: {", ".join(allow)}.',
        code="decision_not_understood",
    )


def _waits_for(wait: OpenWait) -> str:
    if wait.wait.kind == "event":
        return f"waits for the event {wait.wait.event_type}"
    return f"waits until {wait.wait.due}"
