"""What goes in and what comes out: schemas that can be used, secrets that are marked, output that is produced (X10)."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from graphs.inputs.schemas import schema_faults, schemas_in
from graphs.inputs.secrets import is_marked_secret
from graphs.loading.findings import Findings, Severity
from graphs.loading.names import suggestion
from graphs.loading.places import Place
from graphs.steps import Waiting
from graphs.validation.outline import Outline
from graphs.validation.sites import Site
from graphs.validation.variables import Variables

_TOP = Place().at("spec")
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|secret|(?<!page_)(?<!cursor_)token|api_?key|private_?key|credentials?|cvv|cvc)$"
)


def check_schemas(outline: Outline, findings: Findings) -> None:
    """Every JSON Schema in a definition can be used."""
    for place, schema in _schemas(outline):
        for fault in schema_faults(schema):
            severity: Severity = "warning" if fault.doubt else "error"
            findings.add(fault.code, place.at(*fault.path), fault.message, fault.hint, severity=severity)
    _check_marks(outline, findings)


def _schemas(outline: Outline) -> Iterator[tuple[Place, Any]]:
    spec = outline.workflow.spec
    for key, schema in (("input", spec.input.schema_), ("output", spec.output.schema_)):
        if schema is not None:
            yield _TOP.at(key, "schema"), schema
    for site in outline.sites:
        if site.step.input_schema is not None:
            yield site.place.at("input_schema"), site.step.input_schema
        for key in ("schema", "response_schema") if isinstance(site.kind, Waiting) else ():
            if isinstance(schema := site.step.config.get(key), Mapping):
                yield site.place.at("config", key), schema


def _check_marks(outline: Outline, findings: Findings) -> None:
    """X35: what is called a password is one, and would be kept and shown in the clear."""
    schema = outline.workflow.spec.input.schema_
    for path, inner in schemas_in(schema or {}):
        properties = inner.get("properties")
        if is_marked_secret(inner) or not isinstance(properties, Mapping):
            continue
        for name, one in properties.items():
            text = isinstance(one, Mapping) and one.get("type", "string") == "string"
            if text and not is_marked_secret(one) and "x-secret" not in one and _SECRET_NAME.search(_snake(name)):
                findings.add(
                    "secret_not_marked",
                    _TOP.at("input", "schema", *path, "properties", name),
                    f"'{name}' sounds like a secret and is not marked as one, so it is kept and shown in the clear",
                    "Add `format: password` (or `x-secret: true`), or `x-secret: false` if it is none.",
                    severity="warning",
                    at_key=True,
                )


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-. ]", "_", name).lower()


def check_output(outline: Outline, variables: Variables, findings: Findings) -> None:
    """What the output schema promises has a source."""
    spec = outline.workflow.spec.output
    if outline.gaps.cover((*_TOP.path, "output", "values")):
        return
    schema = spec.schema_ if isinstance(spec.schema_, Mapping) else {}
    properties, required = schema.get("properties"), schema.get("required")
    names = list(properties) if isinstance(properties, Mapping) else []
    needed = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    if spec.values is not None:
        _check_values(spec.values, names, needed, schema, findings)
        return
    for name in dict.fromkeys([*names, *needed]):
        _check_by_name(name, name in needed, outline, variables, findings)


def _check_values(
    values: Mapping[str, Any], names: list[str], needed: list[str], schema: Mapping[str, Any], findings: Findings
) -> None:
    for name in dict.fromkeys([*needed, *names]):
        if name not in values:
            required = name in needed
            words = f"the schema {'requires' if required else 'names'} '{name}', and no value is given for it"
            hint = f"Add '{name}' to 'output.values'."
            place = _TOP.at("output", "values")
            findings.add("output_not_produced", place, words, hint, severity="error" if required else "warning")
    if schema.get("additionalProperties") is False:
        for name in values:
            if name not in names:
                words = f"the schema allows no '{name}'"
                hint = suggestion(name, names, "It allows")
                findings.add("output_not_allowed", _TOP.at("output", "values", name), words, hint, at_key=True)


def _check_by_name(name: str, required: bool, outline: Outline, variables: Variables, findings: Findings) -> None:
    """Without `values` a property is the variable of its name, or the one step output that has such a field."""
    is_set, may_be_set = variables.sources(name)
    if is_set:
        return
    given = {site: _given_by(site) for site in outline.main.sites}
    declared = [site for site, names in given.items() if names is not None and name in names]
    if len(declared) == 1:
        return
    answered = outline.workflow.spec.config.on_failure is not None  # then a person's answer may stand for any output
    unsure = may_be_set or answered or any(names is None for names in given.values())
    verb = "requires" if required else "names"
    if len(declared) > 1:
        steps = ", ".join(f"'{site.name}'" for site in declared)
        words, code = f"the schema {verb} '{name}', and several steps give one: {steps}", "output_ambiguous"
    elif unsure:
        words = f"the schema {verb} '{name}', and no step or variable declares it"
        words, code = (
            f"{words}; it is there only if exactly one step's output turns out to have it",
            "output_undeclared",
        )
    else:
        words, code = f"the schema {verb} '{name}', and nothing produces it", "output_not_produced"
    severe = required and code == "output_not_produced"
    hint = f'Say where it comes from: `output: {{values: {{{name}: "{{{{ … }}}}"}}}}`.'
    findings.add(code, _TOP.at("output", "schema"), words, hint, severity="error" if severe else "warning")


def _given_by(site: Site) -> Collection[str] | None:
    """The fields of a step's output; None when only running the step will tell."""
    step = site.step
    if not site.missing.isdisjoint(("output", "on_failure", "on_timeout")):
        return None
    if step.output is not None:
        return step.output
    if step.on_failure.has_answer or step.on_failure.output is not None:
        return None  # what answers a failure has an output of its own
    if step.on_timeout is not None and step.on_timeout.output is not None:
        return None
    return site.kind.gives if site.kind is not None else None
