"""What OpenAI refuses of a request (400), as far as what is sent depends on what models, tools and servers say."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+")
_LONGEST_NAME, _LONGEST_ID = 64, 40
_COMBINING: Final = frozenset({"oneOf", "anyOf", "allOf", "enum", "not"})


@dataclass(frozen=True, slots=True)
class Unfit:
    """What cannot be, and where."""

    message: str
    code: str


def unfit(body: Mapping[str, Any]) -> Unfit | None:
    """The first thing that cannot be; None when all of it can."""
    tools = [one.get("function") or {} for one in body.get("tools") or () if one.get("type") == "function"]
    problems = (
        *(problem for number, one in enumerate(tools) for problem in _of_tool(f"tools[{number}].function", one)),
        *_of_messages(body.get("messages") or []),
    )
    return next(iter(problems), None)


def _of_tool(place: str, function: Mapping[str, Any]) -> Iterator[Unfit]:
    name, schema = str(function.get("name")), function.get("parameters") or {"type": "object"}
    yield from _of_name(f"{place}.name", name)
    wrong = f"Invalid schema for function '{name}': "
    if schema.get("type") != "object" or _COMBINING & schema.keys():
        rule = "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level."
        yield Unfit(wrong + rule, "invalid_function_parameters")
    for path in _lists_of_nothing(schema, ()):
        yield Unfit(f"{wrong}In context={path}, array schema missing items.", "invalid_function_parameters")


def _of_name(place: str, name: str) -> Iterator[Unfit]:
    if _NAME.fullmatch(name) is None:
        rule = "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        yield Unfit(f"Invalid '{place}': {rule}", "invalid_value")
    yield from _of_length(place, name, _LONGEST_NAME)


def _of_length(place: str, text: str, most: int) -> Iterator[Unfit]:
    if len(text) > most:
        rule = f"string too long. Expected a string with maximum length {most}, but got one with length {len(text)}."
        yield Unfit(f"Invalid '{place}': {rule}", "string_above_max_length")


def _lists_of_nothing(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not isinstance(schema, Mapping):
        return
    if schema.get("type") == "array" and not {"items", "prefixItems"} & schema.keys():
        yield path
    for name, one in (schema.get("properties") or {}).items():
        yield from _lists_of_nothing(one, (*path, "properties", name))
    yield from _lists_of_nothing(schema.get("items"), (*path, "items"))


def _of_messages(messages: list[Mapping[str, Any]]) -> Iterator[Unfit]:
    owed: set[str] = set()
    for number, message in enumerate(messages):
        place = f"messages[{number}]"
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in owed:
                rule = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
                yield Unfit(f"Invalid parameter: {rule} ('{place}')", "invalid_value")
            owed.discard(str(message.get("tool_call_id")))
            continue
        if owed:
            break
        for position, call in enumerate(message.get("tool_calls") or ()):
            yield from _of_name(f"{place}.tool_calls[{position}].function.name", str(call["function"]["name"]))
            yield from _of_length(f"{place}.tool_calls[{position}].id", str(call["id"]), _LONGEST_ID)
            owed.add(str(call["id"]))
    if owed:
        rule = "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
        yield Unfit(f"{rule} 'tool_call_id'. Without response: {', '.join(sorted(owed))}", "invalid_value")
