"""The course's mappings and conditions, as expressions of the language."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from orchestrator.faces.enterprise.policies import problem

_PLACE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*|\[\d+\])*")
_ROOTS = frozenset({"input", "vars", "steps", "item", "index", "execution", "env", "secrets", "loop", "error"})
_BRACES = re.compile(r"\{\{(.*)\}\}", re.DOTALL)


def place(text: str, variables: Collection[str], where: str) -> str:
    """An expression for a place in the data: a variable where there is one of that name, else the input.

    Raises:
        DefinitionError: it is neither a place nor an expression.
    """
    if "{{" in text:
        return text
    return f"{{{{ {_bare(text, variables, where)} }}}}"


def _bare(text: str, variables: Collection[str], where: str) -> str:
    if not _PLACE.fullmatch(text):
        raise problem(
            "place_invalid",
            f"{where}: {text!r} is no place in the data.",
            "Write order.id, steps.charge.output.id, or an expression in braces: {{ … }}.",
        )
    root = re.split(r"[.\[]", text, maxsplit=1)[0]
    if root in _ROOTS:
        return text
    return f"vars.{text}" if root in variables else f"input.{text}"


def of_output(text: str, where: str) -> str:
    """An expression for a place in what a step gave; `*` is all of it."""
    if "{{" in text:
        return text
    if text in ("*", "output"):
        return "{{ output }}"
    if not _PLACE.fullmatch(text):
        raise problem(
            "place_invalid",
            f"{where}: {text!r} is no place in what the step gives.",
            "Write id, receipt.number, * for all of it, or an expression in braces: {{ output… }}.",
        )
    return f"{{{{ {text if text.startswith('output.') else f'output.{text}'} }}}}"


def condition(given: Mapping[str, Any], variables: Collection[str], where: str) -> str:
    """One condition as an expression, without braces.

    Raises:
        DefinitionError: a key or an operator is not known.
    """
    if unknown := sorted(set(given) - {"expression", "field", "operator", "value", "next"}):
        raise problem(
            "unknown_key",
            f"{where}: there is no key '{unknown[0]}' in a condition.",
            "A condition has 'expression', or 'field', 'operator' and 'value'; of a conditional step also 'next'.",
        )
    if ("expression" in given) == ("field" in given):
        raise problem("condition_invalid", f"{where}: give either 'expression' or 'field'.")
    if "expression" in given:
        text = str(given["expression"]).strip()
        braces = _BRACES.fullmatch(text)
        return f"({(braces[1] if braces else text).strip()})"
    operator = given.get("operator", "equals")
    if operator not in _OPERATORS:
        raise problem(
            "operator_unknown",
            f"{where}: there is no operator '{operator}'.",
            f"Known: {', '.join(_OPERATORS)}.",
        )
    return f"({_OPERATORS[operator](_bare(str(given['field']), variables, where), literal(given.get('value')))})"


def literal(value: Any) -> str:
    """A JSON value as an expression writes it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        return f"'{escaped}'"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(str(key))}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return repr(value)


def _compared(sign: str) -> Callable[[str, str], str]:
    # What is not there is not less or more than anything: false, and not an error (D21).
    return lambda field, value: f"{field} is defined and {field} {sign} {value}"


_OPERATORS: dict[str, Callable[[str, str], str]] = {
    "equals": lambda field, value: f"({field} | default(none)) == {value}",
    "not_equals": lambda field, value: f"({field} | default(none)) != {value}",
    "greater_than": _compared(">"),
    "greater_or_equal": _compared(">="),
    "less_than": _compared("<"),
    "less_or_equal": _compared("<="),
    "in": lambda field, value: f"({field} | default(none)) in {value}",
    "not_in": lambda field, value: f"({field} | default(none)) not in {value}",
    "contains": lambda field, value: f"{field} is defined and {value} in {field}",
    "exists": lambda field, value: f"{field} is defined",
    "not_exists": lambda field, value: f"{field} is not defined",
}
