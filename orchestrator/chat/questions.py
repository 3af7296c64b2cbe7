"""What is asked, in words that a chat shows; and a person's words as an answer. Pure.

Consent is never guessed: only a word that says yes and nothing else approves.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

_YES: Final = frozenset({"approve", "approved", "accept", "yes", "y", "ok", "okay", "confirm", "👍"})
_NO: Final = frozenset({"reject", "rejected", "deny", "decline", "no", "n", "👎"})
_NO_BECAUSE: Final = re.compile(
    r"(?:reject|deny|decline)[\s:,;-]+(?P<why>.+)|no\s*[:,;]\s*(?P<because>.+)", re.I | re.S
)
_YES_BECAUSE: Final = re.compile(r"approve\s*:\s*(?P<why>.+)", re.I | re.S)
_EDIT: Final = re.compile(r"edit\s*:?\s*(?P<json>[\[{].*)", re.I | re.S)
_NUMBERED: Final = re.compile(r"^\s*(\d+)\s*[.:)]?\s+(.+?)\s*$", re.M)


@dataclass(frozen=True, slots=True)
class Question:
    """Something a thread asks.

    Attributes:
        id: Its interrupt's id.
        value: What the interrupt says.
        link: Where it can be decided besides, where there is such a place.
    """

    id: str
    value: Any
    link: str | None = None

    @property
    def ours(self) -> bool:
        """Whether a workflow asks; else it is a user's own graph."""
        return isinstance(self.value, Mapping) and {"kind", "path", "action_request"} <= set(self.value)

    @property
    def answerable(self) -> bool:
        """Whether a person's words can answer it: events and times come from elsewhere."""
        return not self.ours or self.value["kind"] == "approval"

    @property
    def offers(self) -> tuple[str, ...]:
        """Decisions that it takes; none where it takes any value."""
        if self.ours:
            return tuple(self.value.get("allow") or ("approve", "reject"))
        return ("approve", "reject", "edit", "respond") if _inbox(self.value) or _middleware(self.value) else ()


def wording(questions: Sequence[Question]) -> str:
    """What is asked, as Markdown."""
    several = sum(question.answerable for question in questions) > 1
    parts = []
    for number, question in enumerate(questions, start=1):
        lines = [f"{number}. {_asked(question)}" if len(questions) > 1 else _asked(question)]
        if payload := _payload(question.value):
            lines.append(payload)
        if question.answerable and not several:
            lines.append(_how(question.offers))
        if question.link is not None:
            lines.append(f"{'It can be answered' if question.answerable else 'It is shown'} here: {question.link}")
        parts.append("\n\n".join(lines))
    if several:
        parts.append("Answer each by its number, on a line of its own: `1 approve`, `2 reject: why`.")
    return "\n\n".join(parts)


def not_understood(questions: Sequence[Question]) -> str:
    """The same once more, to whoever gave no answer to it."""
    if not any(question.answerable for question in questions):
        return f"It still waits.\n\n{wording(questions)}"
    return f"That is no answer to what is asked, so nothing was done.\n\n{wording(questions)}"


def answers(questions: Sequence[Question], words: str) -> dict[str, Any] | None:
    """A person's words as values to resume with, by question; None when they are no answer."""
    open_to_words = [question for question in questions if question.answerable]
    if len(open_to_words) == 1:
        value = _answer(open_to_words[0], words.strip())
        return None if value is _NONE else {open_to_words[0].id: value}
    found: dict[str, Any] = {}
    for number, said in _NUMBERED.findall(words):
        place = int(number) - 1
        if not 0 <= place < len(questions) or not questions[place].answerable:
            return None
        value = _answer(questions[place], said.strip())
        if value is _NONE:
            return None
        found[questions[place].id] = value
    return found or None


_NONE: Final = object()


def _answer(question: Question, words: str) -> Any:
    if not question.offers:
        return _value(words)
    decision, more = _decision(words)
    if decision is None:
        decision, more = "respond", words
    if decision not in question.offers:
        return _NONE
    if question.ours:
        key = "data" if decision in ("edit", "respond") else "reason"
        return {"decision": decision, **({key: more} if more is not None else {})}
    return (
        _for_middleware(question.value, decision, more) if _middleware(question.value) else _for_inbox(decision, more)
    )


def _decision(words: str) -> tuple[str | None, Any]:
    bare = words.rstrip(" .!").lower()
    if bare in _YES:
        return "approve", None
    if bare in _NO:
        return "reject", None
    if found := _YES_BECAUSE.fullmatch(words):
        return "approve", found["why"].strip()
    if found := _NO_BECAUSE.fullmatch(words):
        return "reject", (found["why"] or found["because"]).strip()
    if found := _EDIT.fullmatch(words):
        try:
            return "edit", orjson.loads(found["json"])
        except orjson.JSONDecodeError:
            pass
    return None, None


def _value(words: str) -> Any:
    """What a graph of users' own is resumed with: JSON where it is some, else the words."""
    if words[:1] in ("{", "["):
        try:
            return orjson.loads(words)
        except orjson.JSONDecodeError:
            pass
    return words


def _inbox(value: Any) -> bool:
    """Whether it is asked in the shape of Agent Inbox."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, Mapping) and "action_request" in first


def _middleware(value: Any) -> bool:
    """Whether it is asked by the middleware of LangChain's agents."""
    return isinstance(value, Mapping) and isinstance(value.get("action_requests"), list)


def _for_inbox(decision: str, more: Any) -> list[dict[str, Any]]:
    kind = {"approve": "accept", "reject": "ignore", "edit": "edit", "respond": "response"}[decision]
    return [{"type": kind, "args": more}]


def _for_middleware(value: Mapping[str, Any], decision: str, more: Any) -> dict[str, Any]:
    one: dict[str, Any] = {"type": decision}
    if decision == "edit":
        first = value["action_requests"][0] if value["action_requests"] else {}
        one["edited_action"] = more if "args" in more else {"name": first.get("name"), "args": more}
    elif more is not None:
        one |= {"type": "reject", "message": more}
    return {"decisions": [one] * max(1, len(value["action_requests"]))}


def _asked(question: Question) -> str:
    value = question.value
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        for key in ("description", "question", "message", "prompt", "text"):
            if isinstance(value.get(key), str) and value[key]:
                return f"It {value[key]}." if question.ours and value["kind"] != "approval" else str(value[key])
        return "An answer is needed:"
    return f"An answer is needed: {_json(value)}"


def _payload(value: Any) -> str | None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        return None
    if "action_request" in value:
        shown = value["action_request"].get("args")
    elif "action_requests" in value:
        shown = value["action_requests"]
    else:
        shown = {key: item for key, item in value.items() if key not in ("description", "question", "message")}
    return f"```json\n{_json(shown)}\n```" if shown else None


def _how(offers: Sequence[str]) -> str:
    ways = {
        "approve": "`approve`",
        "reject": "`reject` (or `reject: why`)",
        "edit": "`edit: {…}` with the values it should have",
        "respond": "anything else, as the answer itself",
    }
    said = [way for offer, way in ways.items() if offer in offers]
    if not said:
        return "Your next message is the answer."
    return f"Answer {', '.join(said[:-1])} or {said[-1]}." if len(said) > 1 else f"Answer {said[0]}."


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
