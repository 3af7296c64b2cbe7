"""The JSON Schema of a definition, for editors: completion, hints, and typing errors marked while they are made.

It says what a single definition may look like. What `graphs.validation` knows besides (who depends on whom, what
expressions may read) cannot be said in JSON Schema.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import AliasChoices, BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, PydanticOmit

from graphs.loading.models import required_keys_of
from graphs.spec import (
    Case,
    Compensation,
    Config,
    Dependency,
    InputSpec,
    Metadata,
    OnFailure,
    OnTimeout,
    OutputSpec,
    RetryPolicy,
    Spec,
    Step,
    Workflow,
)
from graphs.steps import StepType, StepTypes

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DEFAULT_TYPE = Step.model_fields["type"].default
_CONTAINERS = ("steps", "branches", "cases", "default", "then", "else")
_EXPRESSION = {"$ref": "#/$defs/Expression"}
_STEPS = {"type": "array", "items": {"$ref": "#/$defs/Step"}}
_MODELS: tuple[type[BaseModel], ...] = (
    Workflow,
    Metadata,
    Spec,
    Config,
    InputSpec,
    OutputSpec,
    Compensation,
    Step,
    Dependency,
    Case,
    RetryPolicy,
    OnFailure,
    OnTimeout,
)

Schema = dict[str, Any]
_IDS = re.compile(r"\s*\([A-Z]\d\d(?:, [A-Z]\d\d)*\)|^[A-Z]\d\d: ")


class _Generator(GenerateJsonSchema):
    """Python values (functions, tools, agents) cannot stand in a text, so the schema does not speak of them."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - as the base declares it

    def handle_invalid_for_json_schema(self, schema: CoreSchema, error_info: str) -> JsonSchemaValue:
        raise PydanticOmit


def definition_schema(step_types: StepTypes) -> Schema:
    """The JSON Schema (2020-12) of `kind: Workflow` documents, with the given step types."""
    schema = Workflow.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions: Schema = schema.pop("$defs")
    definitions["Expression"] = {
        "type": "string",
        "pattern": r"\{\{",
        "description": "A text with {{ expressions }}, whose value is known when the step runs.",
    }
    for model in _MODELS:
        _describe(definitions.get(model.__name__, schema), model)
    _relax(schema, definitions)
    step: Schema = definitions["Step"]
    offered = step_types.offered
    step["properties"]["type"] = _type_names(offered)
    step["properties"]["config"] = {"type": "object", "description": "What the step type is told."}
    step["allOf"] = [_one_type(kind, definitions) for kind in offered.values()]
    return {"$schema": DIALECT, "title": "Baton workflow", **_for_readers({**schema, "$defs": definitions})}


def _for_readers(schema: Any) -> Any:
    """The same without the ids of requirements, which docstrings name for those who work on Baton."""
    if isinstance(schema, Mapping):
        told = {key: _for_readers(value) for key, value in schema.items()}
        if isinstance(about := told.get("description"), str):
            told["description"] = _without_ids(about)
        if isinstance(several := told.get("enumDescriptions"), list):
            told["enumDescriptions"] = [_without_ids(one) for one in several]
        return told
    return [_for_readers(one) for one in schema] if isinstance(schema, list) else schema


def _without_ids(text: str) -> str:
    text = _IDS.sub("", text)
    return text[:1].upper() + text[1:]


def _relax(schema: Schema, definitions: Schema) -> None:
    """What definitions may be written as besides, which the model's own validators turn into what it holds."""
    step, name = definitions["Step"]["properties"], {"type": "string"}
    one_or_more = {"anyOf": [{"$ref": "#/$defs/Step"}, _STEPS]}
    schema["properties"]["apiVersion"] = {"const": "workflow/v1", "description": "The format's version."}
    schema["properties"]["kind"] = {"const": "Workflow", "description": "What the document is."}
    definitions["Metadata"]["properties"]["version"]["type"] = ["string", "number"]
    for key in ("default", "then", "else"):
        step[key] |= one_or_more
    step["depends_on"] |= {
        "type": ["string", "array"],
        "items": {"anyOf": [name, {"$ref": "#/$defs/Dependency"}]},
        "description": "Steps that must settle first: names, or `{step, outcome}`.",
    }
    for key in ("next", "limits"):
        step[key]["type"] = ["string", "array"]
    step["branches"] = {
        "description": step["branches"].get("description", ""),
        "anyOf": [{"type": "object", "additionalProperties": _STEPS}, {"type": "array", "items": _STEPS}],
    }
    for model in ("RetryPolicy", "OnFailure"):
        definitions[model]["properties"]["max_retries"] = {
            "type": "integer",
            "minimum": 0,
            "description": "In place of `max_attempts`: tries after the first.",
        }
        definitions[model]["not"] = {"required": ["max_retries", "max_attempts"]}
    for model in definitions.values():
        for one in model.get("properties", {}).values():
            # Editors would offer a default that nobody has to write.
            one.pop("default", None)
            one.pop("title", None)


def _type_names(step_types: Mapping[str, StepType]) -> Schema:
    names = list(step_types)
    lines = "\n".join(f"- `{name}`: {step_types[name].summary}" for name in names)
    return {
        "type": "string",
        "enum": names,
        "enumDescriptions": [step_types[name].summary for name in names],
        "description": f"What kind of step it is (`{DEFAULT_TYPE}` when nothing is said):\n{lines}",
    }


def _one_type(kind: StepType, definitions: Schema) -> Schema:
    """What follows from a step's type: its `config`, and which lists of steps it has."""
    chosen: Schema = {"properties": {"type": {"const": kind.name}}}
    if kind.name != DEFAULT_TYPE:
        chosen["required"] = ["type"]
    properties: Schema = {"config": _config_schema(kind, definitions)}
    properties |= {key: False for key in _CONTAINERS if key not in kind.containers}
    needed = sorted(kind.required_containers) + (["config"] if required_keys_of(kind.Config) else [])
    return {"if": chosen, "then": {"properties": properties, "required": needed}}


def _config_schema(kind: StepType, definitions: Schema) -> Schema:
    schema = kind.Config.model_json_schema(
        by_alias=True, ref_template=f"#/$defs/{kind.name}.{{model}}", schema_generator=_Generator
    )
    for name, inner in schema.pop("$defs", {}).items():
        definitions[f"{kind.name}.{name}"] = _templatable(inner)
    _describe(schema, kind.Config)
    schema = _templatable(schema)
    schema |= {"description": kind.summary} if kind.summary else {}
    schema.pop("title", None)
    _add_aliases(schema, kind.Config)
    return schema


def _add_aliases(schema: Schema, model: type[BaseModel]) -> None:
    """Keys that are understood besides those the schema names (`minimum_success_count`)."""
    properties: Schema = schema.get("properties", {})
    for field in model.model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            spellings = [choice for choice in field.validation_alias.choices if isinstance(choice, str)]
            known = next((spelling for spelling in spellings if spelling in properties), None)
            properties |= {spelling: properties[known] for spelling in spellings if known is not None}


_OPEN_KEYS = ("description", "title", "default", "examples")


def _templatable(schema: Schema) -> Schema:
    """The schema of a configuration, in which every value may also be an expression."""
    result = dict(schema)
    if isinstance(properties := schema.get("properties"), Mapping):
        result["properties"] = {key: _or_expression(inner) for key, inner in properties.items()}
    for word in ("items", "additionalProperties"):
        if isinstance(inner := schema.get(word), Mapping):
            result[word] = _or_expression(inner)
    if isinstance(prefix := schema.get("prefixItems"), list):
        result["prefixItems"] = [_or_expression(inner) for inner in prefix]
    for word in ("anyOf", "oneOf", "allOf"):
        if isinstance(inners := schema.get(word), list):
            result[word] = [_templatable(inner) for inner in inners]
    result.pop("default", None)
    return result


def _or_expression(schema: Mapping[str, Any]) -> Schema:
    if not set(schema) - set(_OPEN_KEYS):
        return {key: value for key, value in schema.items() if key not in ("default", "title")}
    about = {key: value for key, value in schema.items() if key == "description"}
    inner = {key: value for key, value in _templatable(dict(schema)).items() if key not in ("description", "title")}
    return {**about, "anyOf": [inner, _EXPRESSION]}


def _describe(schema: Schema, model: type[BaseModel]) -> None:
    """Descriptions from docstrings: of the model, and of each field."""
    first, documented = _documentation(model)
    if first:
        schema["description"] = first
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in schema.get("properties", {}) and (text := documented.get(name) or documented.get(key)):
            schema["properties"][key].setdefault("description", text)


def _documentation(model: type[BaseModel]) -> tuple[str, dict[str, str]]:
    """The first paragraph of a model's docstring, and what is said about each field: in it, or below the field."""
    text = inspect.getdoc(model) or ""
    summary, _, rest = text.partition("\n\n")
    fields = dict(_attributes(rest)) if "Attributes:" in rest else {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            fields |= dict(_below_fields(base))
    return _one_line(summary), fields


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    """The entries of a docstring's `Attributes:` section; several names may share one."""
    section = text.split("Attributes:", 1)[1].split("\n\n", 1)[0]
    for entry in re.split(r"\n(?=    \S)", section.strip("\n")):
        names, colon, about = entry.strip().partition(": ")
        if colon:
            yield from ((name.strip(), _one_line(about)) for name in names.split(","))


def _below_fields(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Docstrings written below fields."""
    try:
        source = textwrap.dedent(inspect.getsource(model))
    except (OSError, TypeError):
        return  # made at run time, or shipped without its source
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, below in zip(body.body, body.body[1:], strict=False):
        said = below.value if isinstance(below, ast.Expr) else None
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(said, ast.Constant):
            yield field.target.id, _one_line(str(said.value))


def _one_line(text: str) -> str:
    return " ".join(text.split())
