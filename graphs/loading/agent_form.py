"""What an agent says, in one form: `30s` and 30 seconds, one tool and a list of one, are the same agent.

An agent has one digest whichever way it was written, in YAML or in Python. What cannot be read is left as it is: the
agent step says what is wrong with it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from graphs.durations import parse_duration
from graphs.spec import Budget, Model, RetryPolicy

_ALWAYS: Final = "always"


def in_one_form(agent: Mapping[str, Any]) -> dict[str, Any]:
    """An agent's own words, without those that say nothing."""
    given = {key: value for key, value in agent.items() if value is not None and value not in ("", [], {}, ())}
    for key, form in _FORMS.items():
        if key in given:
            given[key] = form(given[key])
    return given


def _budget(value: Any) -> Any:
    return _model(Budget, value)


def _model(kind: type[Model], value: Any) -> Any:
    try:
        return kind.model_validate(value).model_dump(exclude_defaults=True)
    except ValidationError:
        return value


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _tools(value: Any) -> Any:
    several = value if isinstance(value, list | tuple) else [value] if isinstance(value, str) else None
    return value if several is None else [_tool(one) for one in several]


def _capabilities(value: Any) -> Any:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, tuple) else value


def _tool(use: Any) -> Any:
    if not isinstance(use, Mapping):
        return use
    said = {key: value for key, value in use.items() if value is not None}
    if set(said) == {"tool"}:
        return said["tool"]
    if "timeout" in said:
        said["timeout"] = _duration(said["timeout"])
    if "approval" in said:
        said["approval"] = _approval(said["approval"])
    if "retry" in said:
        said["retry"] = _model(RetryPolicy, said["retry"])
    if "undo" in said:
        said["undo"] = _undo(said["undo"])
    return _with_method(said, "GET")


def _undo(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    said = {key: one for key, one in value.items() if one is not None}
    return said["tool"] if set(said) == {"tool"} else _with_method(said, "POST")


def _with_method(said: dict[str, Any], usual: str) -> dict[str, Any]:
    if isinstance(method := said.get("method"), str):
        said["method"] = method.upper()
    if said.get("method") == usual:
        del said["method"]
    return said


def _approval(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    said = {key: one for key, one in value.items() if one is not None and one not in ((), [])}
    if not set(said) - {"when"}:
        return said.get("when", _ALWAYS)
    if said.get("when") == _ALWAYS:
        del said["when"]
    for key in ("assignees", "groups"):
        if key in said:
            said[key] = [said[key]] if isinstance(said[key], str) else list(said[key])
    if "timeout" in said:
        said["timeout"] = _duration(said["timeout"])
    if said.get("on_timeout") == "reject":
        del said["on_timeout"]
    return said


def _duration(value: Any) -> Any:
    try:
        return parse_duration(value)
    except ValueError:
        return value


_FORMS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "budget": _budget,
    "temperature": _number,
    "tools": _tools,
    "capabilities": _capabilities,
}
