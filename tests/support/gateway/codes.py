"""Makes the list of error codes from the code itself: `python -m tests.support.gateway.codes` writes it anew."""

import ast
import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from api.error_codes import FILE
from api.errors import BY_CODE, PHRASES, status_of
from api.saying import over_http
from graphs.errors import BatonError

_ROOT = Path(__file__).parents[3]
_CODE = re.compile(r"[a-z][a-z0-9_]{2,}")
_NOT_SERVED = ("api/demo", "orchestrator/cli", "orchestrator/faces")


@dataclass
class Code:
    """One code, as it is found in several places."""

    statuses: set[int] = field(default_factory=set)
    says: set[str] = field(default_factory=set)
    hints: set[str] = field(default_factory=set)


def codes() -> list[dict[str, Any]]:
    """Every code, with the statuses it may come with; without one it stands in the `problems` of an answer."""
    found: dict[str, Code] = {}
    for file in sorted(
        path for room in ("graphs", "agents", "orchestrator", "api") for path in (_ROOT / room).rglob("*.py")
    ):
        name = file.relative_to(_ROOT).as_posix()
        if not name.startswith(_NOT_SERVED):
            module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                for code, status, says, hints in _in(node, module):
                    one = found.setdefault(code, Code())
                    one.statuses |= {status} if status else set()
                    one.says |= {says} if says else set()
                    one.hints |= {over_http(hint) for hint in hints}
    for status, phrase in PHRASES.items():
        found.setdefault(phrase, Code({status}))
    return [
        {"code": code, "statuses": sorted(one.statuses), "says": sorted(one.says), "hints": sorted(one.hints)}
        for code, one in sorted(found.items())
    ]


def _in(node: ast.AST, module: str) -> Iterator[tuple[str, int | None, str | None, Sequence[str]]]:
    if isinstance(node, ast.ClassDef):
        for each in node.body:
            value = getattr(each, "value", None)
            target = each.targets[0] if isinstance(each, ast.Assign) else getattr(each, "target", None)
            named = isinstance(target, ast.Name) and target.id == "code" and node.name.endswith("Error")
            if named and value is not None and _is_code(value):
                doc = (ast.get_docstring(node) or "").partition("\n\n")[0].replace("\n", " ")
                yield value.value, _status(module, node.name, value.value), doc, ()
    if not isinstance(node, ast.Call):
        return
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    words = [_text(each) for each in node.args]
    given = {each.arg: each.value for each in node.keywords}
    hints = _hints(given.get("hint"), module)
    for value in _each(given.get("code")):
        says = next((text for text in words if text and " " in text), None)
        if called.endswith("Error"):
            yield value, _status(module, called, value), says, hints
        elif called == "shape":
            yield value, getattr(node.args[0], "value", None), says, hints
        elif called not in ("Problem",):
            yield value, BY_CODE.get(value), says, hints
    if called in ("fault", "add", "add_sentence", "Fault") and node.args and _is_code(node.args[0]) and len(words) > 1:
        status = 422 if called == "fault" else None
        yield node.args[0].value, status, next((text for text in words[1:] if text), None), hints  # type: ignore[attr-defined]


def _hints(node: ast.expr | None, module: str) -> Sequence[str]:
    """What a hint may be: one text, either of two, or one that the module has a name for."""
    if isinstance(node, ast.IfExp):
        return [*_hints(node.body, module), *_hints(node.orelse, module)]
    named = getattr(importlib.import_module(module), node.id, None) if isinstance(node, ast.Name) else None
    text = named if isinstance(named, str) else _text(node) if node is not None else None
    return [text] if text else []


def _status(module: str, name: str, code: str) -> int | None:
    kind = getattr(importlib.import_module(module), name, None)
    if not (isinstance(kind, type) and issubclass(kind, BatonError)):
        return BY_CODE.get(code)
    error = kind.__new__(kind)
    error.code = code
    return status_of(error)


def _each(value: ast.expr | None) -> Iterator[str]:
    if isinstance(value, ast.IfExp):
        yield from _each(value.body)
        yield from _each(value.orelse)
    elif _is_code(value):
        yield value.value  # type: ignore[union-attr]


def _is_code(value: Any) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and bool(_CODE.fullmatch(value.value))


def _text(node: ast.expr) -> str | None:
    """A text as it is written; what is filled in stands in <angles>."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"<{_named(part.value)}>"
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    return None


def _named(node: ast.expr) -> str:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute):
            return inner.attr.strip("_")
        if isinstance(inner, ast.Name) and not isinstance(node, ast.Call):
            return inner.id.strip("_")
    return "…"


def written() -> bytes:
    """The list as it is kept."""
    return orjson.dumps(codes(), option=orjson.OPT_INDENT_2) + b"\n"


if __name__ == "__main__":
    FILE.write_bytes(written())
