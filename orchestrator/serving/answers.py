"""Between an approval of ours and the questions and answers of LangGraph's clients (Agent Inbox, Agent Chat UI, the
middleware of LangChain's agents, plain values)."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeGuard

import orjson

from graphs.errors import ConflictError, InputError, NotAllowedError
from orchestrator.approvals.values import digest_of
from orchestrator.serving.front import alone, by_turn
from orchestrator.serving.served import Document
from orchestrator.store.port import OpenWait

Decision = Literal["approve", "reject", "edit", "respond"]

_SPACE = uuid.UUID("0a5c2b1e-7d1e-4b62-9c38-4f0f7f6f3d52")
_ID = re.compile(r"[0-9a-f]{32}")
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

_OF_MIDDLEWARE = ("approve", "edit", "reject")
_BARE = "value"
"""What is shown as the only argument where the payload is no object."""


class Answered(NamedTuple):
    """A decision as the engine takes it."""

    decision: Decision
    data: Any = None
    reason: str | None = None
    digest: str | None = None


def interrupt_id(wait: OpenWait) -> str:
    """The id of what is asked: the same for as long as just that is asked, so that an answer by id is bound to what was
    shown."""
    return uuid.uuid5(_SPACE, digest_of(wait)).hex


def are_ids(resume: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether answers are given by the ids of what is asked, of workflows or of graphs."""
    return isinstance(resume, Mapping) and bool(resume) and all(_ID.fullmatch(str(key)) for key in resume)


def no_longer_asked(asked: str) -> ConflictError:
    """The error for an answer by an id that nothing has which is asked."""
    return ConflictError(
        f"What has the id '{asked}' is not asked any more, or is not what you were shown.",
        hint="Read the thread again, and answer by the ids that come with it.",
        code="no_longer_asked",
    )


def question_of(wait: OpenWait) -> Document:
    """What is asked, in the shapes that Agent Inbox and Agent Chat UI show, with the facts of ours beside it."""
    asked = wait.wait.question
    allow, args = asked.get("allow") or [], _args_of(wait)
    description = asked.get("message") or _waits_for(wait)
    return {
        "action_request": {"action": wait.path, "args": args},
        "config": {offer: decision in allow for offer, decision in _OFFERS.items()},
        **_of_middleware(wait, allow, args, description),
        "description": description,
        "kind": wait.wait.kind,
        "path": wait.path,
        "due": wait.wait.due,
        "digest": digest_of(wait),
        "response_schema": wait.wait.response_schema,
        **{key: value for key, value in asked.items() if key in ("allow", "assignees", "groups", "event_type")},
    }


def _args_of(wait: OpenWait) -> Mapping[str, Any]:
    payload = wait.wait.question.get("payload")
    return payload if isinstance(payload, Mapping) else {} if payload is None else {_BARE: payload}


def _of_middleware(wait: OpenWait, allow: Sequence[str], args: Mapping[str, Any], description: str) -> Document:
    """The same in the shape of LangChain's middleware, without which Agent Chat UI shows no buttons.

    Agent Inbox reads this one first, and takes 'reject' for the right to respond; so what may be responded to and not
    rejected is left to the other shape.
    """
    offered = [decision for decision in allow if decision in _OF_MIDDLEWARE]
    if wait.wait.kind != "approval" or not offered or ("respond" in allow and "reject" not in allow):
        return {}
    request = {"name": wait.path, "args": args, "arguments": args, "description": description}
    review: Document = {"action_name": wait.path, "allowed_decisions": offered}
    if wait.wait.response_schema is not None:
        review["args_schema"] = wait.wait.response_schema
    return {"action_requests": [request], "review_configs": [review]}


def interrupts_of(waits: Sequence[OpenWait]) -> Document:
    """Open waits by the task that asks."""
    return {interrupt_id(wait): [{"id": interrupt_id(wait), "value": question_of(wait)}] for wait in waits}


def answers_to(
    waits: Sequence[OpenWait], resume: Any, shown: str | None = None, theirs: Sequence[OpenWait] | None = None
) -> list[tuple[OpenWait, Answered]]:
    """Which question gets which decision.

    Args:
        waits: What was asked, open or not.
        resume: Answers by the ids of what is asked; or one answer. Where several things are asked, that one belongs to
            what it names, or to what was in front of whoever gives it.
        shown: The id of what that was.
        theirs: What whoever answers may see of what was asked; None for all of it. An answer that names nothing is for
            one of these, and nothing else is named to them.

    Raises:
        NotAllowedError: nothing of it is theirs.
        ConflictError: nothing is asked, or no longer what was shown, or several things are and it is not said which is
            answered.
        InputError: an answer cannot be understood.
    """
    if are_ids(resume):
        known = {interrupt_id(wait): wait for wait in waits}
        if unknown := [key for key in resume if key not in known]:
            raise no_longer_asked(unknown[0])
        return [(known[key], _decided(known[key], value)) for key, value in resume.items()]
    wait = _meant(waits, *_unwrapped(resume), shown, waits if theirs is None else theirs)
    return [(wait, _decided(wait, resume))]


def _meant(
    waits: Sequence[OpenWait], given: Any, digest: str | None, shown: str | None, theirs: Sequence[OpenWait]
) -> OpenWait:
    asked, own = _open_approvals(waits), _open_approvals(theirs)
    if asked and not own:
        raise NotAllowedError("What is asked here is not yours to decide.", code="not_your_approval")
    if not asked:
        raise ConflictError(
            "Nothing is asked that a decision could answer.",
            hint="It has been answered already, or the execution waits for an event or for time.",
            code="nothing_asked",
        )
    if digest is not None and len(asked) > 1:
        return _one_of(asked, lambda wait: digest_of(wait) == digest, digest)
    if digest is not None:
        return asked[0]  # the engine says what has become of what was shown
    if (name := _named(given)) is not None:
        return _one_of(asked, lambda wait: wait.path == name and _still_shows(wait, given), name)
    if shown is not None:
        return _one_of(asked, lambda wait: interrupt_id(wait) == shown, shown)
    if len(own) > 1 or not alone(own[0], theirs):
        names = ", ".join(f"{interrupt_id(wait)} ({wait.path})" for wait in own)
        raise ConflictError(
            "Several things were asked at once, and the answer does not say which it is for.",
            hint=f"Answer by id: resume: {{ID: ANSWER}}; or read the thread again first. Asked: {names}.",
            code="several_asked",
        )
    return own[0]


def _open_approvals(waits: Sequence[OpenWait]) -> list[OpenWait]:
    return by_turn([wait for wait in waits if wait.wait.kind == "approval" and wait.status == "open"])


def _one_of(asked: Sequence[OpenWait], fits: Callable[[OpenWait], bool], named: str) -> OpenWait:
    found = next((wait for wait in asked if fits(wait)), None)
    if found is None:
        raise no_longer_asked(named)
    return found


def _named(given: Any) -> str | None:
    """What an answer says it is for: clients give back the action that they edited, or accepted where it may be."""
    if not isinstance(given, Mapping) or given.get("type") not in ("accept", "edit"):
        return None
    for action in (given.get("edited_action"), given.get("args")):
        if isinstance(action, Mapping) and "args" in action:
            name = action.get("name", action.get("action"))
            return name if isinstance(name, str) else None
    return None


def _still_shows(wait: OpenWait, given: Mapping[str, Any]) -> bool:
    if given["type"] != "accept":
        return True
    payload = wait.wait.question.get("payload")
    accepted = _as_shown(payload, given["args"]["args"])
    return bool(accepted == (_args_of(wait) if payload is None else payload))


def _unwrapped(resume: Any) -> tuple[Any, str | None]:
    """The one answer in a resume, and the digest of what was shown, where it says that."""
    given = resume
    if isinstance(given, Mapping) and isinstance(given.get("decisions"), list):
        given = given["decisions"]
        if len(given) != 1:
            raise InputError(
                f"{len(given)} decisions were sent, and one thing is answered at a time.",
                hint="Send one, or answers by id: resume: {ID: ANSWER}.",
                code="decision_not_understood",
            )
    given = given[0] if isinstance(given, list) and len(given) == 1 else given
    return given, _digest(given) or _digest(resume)


def _decided(wait: OpenWait, resume: Any) -> Answered:
    given, digest = _unwrapped(resume)
    return _understood(wait, given)._replace(digest=digest)


def _digest(given: Any) -> str | None:
    """What was shown, where an answer says so."""
    named = given.get("digest") if isinstance(given, Mapping) else None
    return named if isinstance(named, str) else None


def _understood(wait: OpenWait, given: Any) -> Answered:
    if isinstance(given, bool):
        return Answered("approve" if given else "reject")
    if isinstance(given, str) and given.lower() in _WORDS and _WORDS[given.lower()] in ("approve", "reject"):
        return Answered(_WORDS[given.lower()])
    if isinstance(given, Mapping):
        word = given.get("decision", given.get("type"))
        if isinstance(word, str) and word.lower() in _WORDS:
            return _said(wait, _WORDS[word.lower()], given)
        if isinstance(given.get("approved"), bool):
            return Answered("approve" if given["approved"] else "reject", reason=given.get("reason"))
    return _value(wait, given)


def _said(wait: OpenWait, decision: Decision, given: Mapping[str, Any]) -> Answered:
    reason = given.get("reason", given.get("message"))
    data = given.get("data")
    if decision == "edit" and data is None:
        data = given.get("edited_action", given.get("args"))
        if isinstance(data, Mapping) and "args" in data:
            data = _as_shown(wait.wait.question.get("payload"), data["args"])
    if decision == "respond" and data is None:
        data = given.get("args", given.get("message"))
        allow = wait.wait.question.get("allow") or ()
        if "respond" not in allow and "reject" in allow and isinstance(data, str):
            return Answered("reject", reason=data)  # Agent Inbox has no other place for the reason of a rejection
    return Answered(decision, data, reason if isinstance(reason, str) else None)


def _as_shown(payload: Any, args: Any) -> Any:
    """What somebody made of a payload in a form: Agent Inbox and Agent Chat UI give back every field as text."""
    if not isinstance(args, Mapping):
        return args
    if not isinstance(payload, Mapping):
        return _of_its_kind(payload, args[_BARE]) if args.keys() == {_BARE} else args
    return {key: _of_its_kind(payload[key], value) if key in payload else value for key, value in args.items()}


def _of_its_kind(before: Any, text: Any) -> Any:
    if isinstance(before, str) or before is None or not isinstance(text, str):
        return text
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    alike = isinstance(before, int | float) and not isinstance(before, bool) and isinstance(value, int | float)
    return value if type(value) is type(before) or (alike and not isinstance(value, bool)) else text


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
