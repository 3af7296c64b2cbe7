"""Every expression of a definition can be read, and what it reads exists where it stands."""

import re
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from graphs.errors import ExpressionError
from graphs.expressions import (
    Condition,
    Finding,
    Template,
    check,
    parse_condition,
    parse_template,
    template_errors,
)
from graphs.loading.findings import Findings
from graphs.loading.places import Path
from graphs.loading.words import shown
from graphs.spec import FromState
from graphs.validation.fields import Field, fields_of
from graphs.validation.known import Known
from graphs.validation.outline import Outline
from graphs.validation.reads import Reads
from graphs.validation.said import Said, texts_in
from graphs.validation.secrets import Secrets
from graphs.validation.shapes import Shapes

_OPENING = "{{"


class _At(NamedTuple):
    at: tuple[str | int, ...]
    offset: int | None


def check_expressions(outline: Outline, known: Known, findings: Findings) -> None:
    """Read every expression and follow what it reads."""
    shapes, reads, secrets = Shapes(outline, known), Reads(outline, findings), Secrets(outline, known, findings)
    for field in fields_of(outline):
        if findings.full:
            return
        read = read_field(field, findings)
        if read is None:
            continue
        parsed, said = read
        for reference in parsed.references:
            reads.check(reference, field, said)
        for finding in check(parsed, shapes.scope(field.view, field.site, field.extra)):
            if finding.code == "unknown_name" and _names_are_unknown(field):
                continue
            report(finding, said, findings)
        secrets.check(parsed, said)


def _names_are_unknown(field: Field) -> bool:
    """Whether the type or `config` of a step could not be read, which say what names there are (`item`, `as`)."""
    site = field.site
    if site is None:
        return False
    if site.kind is None and field.place.path[len(site.place.path)] == "config":
        return True
    around = site.level.around
    while around is not None:
        if around.kind is None or "config" in around.missing:
            return True
        around = around.level.around
    return False


def read_field(field: Field, findings: Findings) -> tuple[Condition | Template, Said] | None:
    """What stands in a field, parsed as far as it can be read; None where there is nothing to evaluate."""
    if field.value is None:
        return None
    if field.kind == "condition":
        return _condition(field, findings)
    said = Said(field.place, _json(field.value))
    if field.kind == "constant":
        _refuse_expressions(said, findings)
        return None
    unread = {_unreadable(error, said, findings) for error in template_errors(said.value)}
    template = parse_template(_without(said.value, unread))
    return None if template.constant else (template, said)


def _without(value: Any, paths: Collection[Path], at: Path = ()) -> Any:
    """A value with null in place of those of its texts that cannot be read: the others are looked at all the same."""
    if not paths:
        return value
    if at in paths:
        return None
    if isinstance(value, Mapping):
        return {key: _without(item, paths, (*at, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without(item, paths, (*at, index)) for index, item in enumerate(value)]
    return value


def _condition(field: Field, findings: Findings) -> tuple[Condition, Said] | None:
    value = field.value
    if isinstance(value, bool | FromState) or callable(value):
        return None
    if not isinstance(value, str):
        words = f"{shown(value)} is not a condition"
        findings.add("wrong_type", field.place, words, "Write an expression that gives true or false.")
        return None
    said = Said(field.place, value)
    try:
        read = parse_condition(value)
        if not read.references and not read.calls:
            read.evaluate({})  # what is wrong with a constant is wrong each time
    except ExpressionError as error:
        _unreadable(error, said, findings)
        return None
    return read, said


def _unreadable(error: ExpressionError, said: Said, findings: Findings) -> Path:
    """Tell what cannot be read; gives its path."""
    path = said.path_of(str(error.details.get("path", "")))
    said.add(findings, error.code, error.message, error.hint, _At(path, error.offset))
    return path


def report(finding: Finding, said: Said, findings: Findings) -> None:
    """Add what is wrong with an expression."""
    where = _At(finding.path, finding.offset)
    if finding.code == "unknown_guarded_field":
        said.add(findings, finding.code, finding.message, finding.hint, where, severity="warning")
        return
    hint = finding.hint
    if finding.code == "unknown_name" and (name := _WORD.match(said.text(finding.path), finding.offset)):
        hint = _ELSEWHERE.get(name[0], hint)
    said.add(findings, finding.code, finding.message, hint, where)


_WORD = re.compile(r"\w+")


_ELSEWHERE = {
    "response": "'response' exists in a step's 'output', where its answer is mapped.",
    "output": "'output' exists in a step's 'variables' and in what compensates it.",
    "error": "'error' exists in fallbacks, compensations and `finally` steps.",
    "outcome": "'outcome' exists in `finally` steps.",
    "item": "'item' exists inside a 'map', and inside a 'loop' over items.",
    "index": "'index' exists inside a 'map' or a 'loop'.",
    "args": "'args' exists in the steps under an agent: what the model called them with.",
    "event": "'event' exists in the triggers of a workflow.",
    "loop": "'loop' exists in the 'while' and 'until' of a loop.",
}
"""Where a name exists that does not exist here."""


def _refuse_expressions(said: Said, findings: Findings) -> None:
    for path in texts_in(said.value, _OPENING):
        words = "expressions are not evaluated here, so this stays as it is written"
        hint = "Compute it in a step's 'output' or 'variables'."
        said.add(findings, "not_evaluated", words, hint, _At(path, None), severity="warning")


def _json(value: Any) -> Any:
    """The value with null in place of what is no JSON: Python values that a builder put in."""
    if isinstance(value, Mapping):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    return value if isinstance(value, str | int | float | bool) else None
