"""Templates of workflows (C11): a definition with holes, filled in before it becomes a workflow.

    apiVersion: workflow/v1
    kind: WorkflowTemplate
    metadata: {name: "${{ params.name }}"}
    parameters:
      name: {required: true, schema: {type: string}}
      attempts: {default: 3, schema: {type: integer, minimum: 1}}
    spec:
      steps:
        - name: fetch
          retry: {max_attempts: "${{ params.attempts }}"}
          …

A placeholder is `${{ params.NAME }}` in any text of `metadata` and `spec`. Alone in a text it stands for the value
itself, whatever its kind; with text around it the value becomes part of that text. Values are put into the parsed
document, never into its text, so none of them can add a key or a step. Nor can a value add an expression: one that
holds `{{` is refused, and inside expressions and conditions only parameters stand whose schema says that they are
numbers or booleans. A parameter that is meant to be an expression says so: `schema: {format: expression}`.

Filling in gives an ordinary document of `kind: Workflow`, which `graphs.loader.examine_document` reads; problems
point into the template's text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from graphs.errors import DefinitionError, InputError, Problem
from graphs.inputs import check_input, schema_faults
from graphs.loader import Loaded, Report, examine_document
from graphs.loading.copying import UnusableError, plain_copy
from graphs.loading.findings import Findings
from graphs.loading.names import listing, nearest
from graphs.loading.nodes import value_of
from graphs.loading.places import Place, Positions, place_of
from graphs.loading.tree import read_tree
from graphs.loading.words import complaints, shown
from graphs.spec import Parameter
from graphs.steps import StepTypes
from graphs.validation import Known

KIND = "WorkflowTemplate"
_PLACEHOLDER = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_NAME = re.compile(r"params\.([A-Za-z_][A-Za-z0-9_-]*)")
_OPENING = "{{"
_EXPRESSION = "expression"
_KEYS = ("apiVersion", "kind", "metadata", "parameters", "spec")


@dataclass(frozen=True, slots=True)
class WorkflowTemplate:
    """A definition with holes.

    Attributes:
        parameters: What it asks for, by name.
        document: The definition, with placeholders in its texts and without `parameters`.
        positions: Where its values stand in the text it was read from.
    """

    parameters: Mapping[str, Parameter]
    document: Mapping[str, Any]
    positions: Positions = field(default_factory=Positions)

    def fill(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The document of a workflow.

        Args:
            arguments: Values by parameter.

        Raises:
            InputError: a value is missing, unknown, or does not fit; the message names all of them.
        """
        values = _values(self.parameters, arguments)
        try:
            filled: dict[str, Any] = _filled(self.document, values)
        except UnusableError as error:
            raise InputError(f"{error}", code="parameters_invalid", hint=error.hint) from None
        return filled

    def examine(self, arguments: Mapping[str, Any], *, step_types: StepTypes, known: Known | None = None) -> Report:
        """Fill in and look at the workflow that comes of it.

        Raises:
            InputError: as `fill`.
        """
        document = self.fill(arguments)
        return examine_document(document, step_types=step_types, positions=self.positions, known=known)

    def workflow(self, arguments: Mapping[str, Any], *, step_types: StepTypes, known: Known | None = None) -> Loaded:
        """The workflow that comes of filling in.

        Raises:
            InputError: as `fill`.
            DefinitionError: what comes of it is no workflow.
        """
        return self.examine(arguments, step_types=step_types, known=known).loaded()


def load_template(text: str, *, file: str | None = None) -> WorkflowTemplate:
    """Read a template from YAML or JSON text.

    Raises:
        DefinitionError: everything that is wrong with it, as far as that can be said before it is filled in.
    """
    reading = read_tree(text, json=bool(file and file.endswith(".json")))
    positions = Positions(reading.root, reading.text, file)
    findings = Findings(positions)
    for fault in reading.faults:
        findings.add_fault(fault)
    if reading.root is None:
        raise DefinitionError(findings.problems())
    return _template(value_of(reading.root), positions, findings)


def template_from_document(document: Mapping[str, Any]) -> WorkflowTemplate:
    """Read a template from values, as JSON gives them.

    Raises:
        DefinitionError: everything that is wrong with it.
    """
    try:
        copy = plain_copy(document)
    except UnusableError as error:
        raise DefinitionError([Problem(error.code, str(error), error.hint)]) from None
    return _template(copy, Positions(), Findings())


def _template(document: Any, positions: Positions, findings: Findings) -> WorkflowTemplate:
    if not isinstance(document, dict):
        words = f"The template is {shown(document)}, not a mapping"
        findings.add_sentence("not_a_definition", Place(), words, f"Write `kind: {KIND}`.")
        raise DefinitionError(findings.problems())
    if document.get("kind") != KIND:
        words = f"{shown(document.get('kind'))} is no kind of template"
        findings.add("kind_unknown", Place().at("kind"), words, f"Write `kind: {KIND}`.")
    for key in document.keys() - set(_KEYS):
        near = nearest(key, _KEYS)
        hint = f"Did you mean '{near}'?" if near else listing(_KEYS, "Keys here")
        findings.add("unknown_key", Place().at(key), f"there is no key '{key}' here", hint, at_key=True)
    parameters = _parameters(document.pop("parameters", {}), findings)
    document = {**document, "kind": "Workflow"}
    _check_placeholders(document, parameters, findings)
    if problems := findings.problems():
        raise DefinitionError(problems)
    return WorkflowTemplate(parameters, document, positions)


def _parameters(declared: Any, findings: Findings) -> dict[str, Parameter]:
    place = Place().at("parameters")
    if not isinstance(declared, dict):
        findings.add("wrong_type", place, f"{shown(declared)} is not a mapping", "Write `name: {default: …}`.")
        return {}
    parameters: dict[str, Parameter] = {}
    for name, one in declared.items():
        here = place.at(name)
        if not _NAME.fullmatch(f"params.{name}"):
            words = f"'{name}' cannot be the name of a parameter"
            findings.add("wrong_name", here, words, "Use letters, digits, '_' and '-'.", at_key=True)
            continue
        try:
            parameters[name] = Parameter.model_validate(one if one is not None else {})
        except ValidationError as error:
            for complaint in complaints(Parameter, error):
                inner = here.at(*complaint.path)
                sentence = f"{inner}: {complaint.message}"
                at = inner.at(complaint.key) if complaint.key else inner
                findings.add_sentence(complaint.code, at, sentence, complaint.hint, at_key=bool(complaint.key))
            parameters[name] = Parameter()
            continue
        _check_parameter(parameters[name], here, findings)
    return parameters


def _check_parameter(parameter: Parameter, place: Place, findings: Findings) -> None:
    if parameter.schema_ is None:
        return
    schema = _without_expression(parameter.schema_)
    faults = [fault for fault in schema_faults(schema) if not fault.doubt]
    for fault in faults:
        findings.add(fault.code, place.at("schema", *fault.path), fault.message, fault.hint)
    if not faults and parameter.default is not None:
        try:
            check_input(schema, parameter.default, name="default")
        except InputError as error:
            findings.add("wrong_value", place.at("default"), error.message.rstrip("."), "Let it fit the schema.")


def _without_expression(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without our own format, which says who may write expressions and not what a text looks like."""
    return {key: value for key, value in schema.items() if (key, value) != ("format", _EXPRESSION)}


def _check_placeholders(document: Any, parameters: Mapping[str, Parameter], findings: Findings) -> None:
    """Every placeholder names a parameter, and every parameter is used somewhere."""
    used: set[str] = set()
    for path, text in _texts(document, ()):
        for found in _PLACEHOLDER.finditer(text):
            place = place_of(document, path)
            name = _NAME.fullmatch(found[1])
            if name is None:
                words = f"{shown(found[0])} is no placeholder"
                hint = "Write ${{ params.name }}; expressions stand in {{ }} without the '$'."
                findings.add("placeholder_invalid", place, words, hint, offset=found.start())
            elif name[1] not in parameters:
                near = nearest(name[1], parameters)
                hint = f"Did you mean '{near}'?" if near else listing(parameters, "Parameters")
                words = f"there is no parameter '{name[1]}'"
                findings.add("parameter_unknown", place, words, hint, offset=found.start())
            else:
                used.add(name[1])
                if _is_expression(path, text, found.start()) and not _may_be_code(parameters[name[1]]):
                    words = f"{shown(found[0])} would become part of an expression"
                    hint = "Give its schema a type that is no text (number, boolean), or `format: expression`."
                    findings.add("placeholder_in_expression", place, words, hint, offset=found.start())
    for name_unused in parameters.keys() - used:
        place = Place().at("parameters", name_unused)
        hint = f"Use it as ${{{{ params.{name_unused} }}}}, or remove it."
        findings.add("parameter_unused", place, "no placeholder uses it", hint, at_key=True)


_CONDITIONS = frozenset({"condition", "when", "if", "while", "until"})
"""Keys whose texts are expressions as a whole."""


def _is_expression(path: tuple[str | int, ...], text: str, at: int) -> bool:
    if path and path[-1] in _CONDITIONS:
        return True
    before = _PLACEHOLDER.sub("", text[:at])
    return before.count(_OPENING) > before.count("}}")


def _may_be_code(parameter: Parameter) -> bool:
    """Whether a value may stand in an expression: it is declared as one, or cannot be anything but a number."""
    schema = parameter.schema_ or {}
    return schema.get("format") == _EXPRESSION or schema.get("type") in ("integer", "number", "boolean")


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _values(parameters: Mapping[str, Parameter], arguments: Mapping[str, Any]) -> dict[str, Any]:
    wrong: list[str] = []
    for name in arguments.keys() - parameters.keys():
        near = nearest(name, parameters)
        hint = f"did you mean '{near}'?" if near else listing(parameters, "parameters").rstrip(".")
        wrong.append(f"there is no parameter '{name}'; {hint}")
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name not in arguments and parameter.required:
            about = f" ({parameter.description.rstrip('.')})" if parameter.description else ""
            wrong.append(f"the parameter '{name}'{about} is missing")
            continue
        values[name] = arguments.get(name, parameter.default)
        if name in arguments:
            wrong += _wrong_with(name, parameter, arguments[name])
    if wrong:
        raise InputError(f"the template cannot be filled in: {'; '.join(sorted(wrong))}.", code="parameters_invalid")
    return values


def _wrong_with(name: str, parameter: Parameter, value: Any) -> Iterator[str]:
    schema = parameter.schema_ or {}
    try:
        check_input(_without_expression(schema), value, name=name)
    except InputError as error:
        yield error.message.rstrip(".")
    if schema.get("format") != _EXPRESSION and any(_OPENING in text for _, text in _texts(value, ())):
        yield f"{name} holds '{_OPENING}', and an expression is not allowed there"


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return _filled_text(value, values)
    if isinstance(value, Mapping):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    return value


def _filled_text(text: str, values: Mapping[str, Any]) -> Any:
    whole = _PLACEHOLDER.fullmatch(text)
    if whole is not None and (name := _NAME.fullmatch(whole[1])) is not None:
        # A copy: one argument may stand in several places, and nobody who changes one may change the other.
        return plain_copy(values[name[1]])
    return _PLACEHOLDER.sub(lambda found: _as_text(values[found[1].removeprefix("params.")], found[1]), text)


def _as_text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    raise InputError(
        f"{name} is {shown(value)}, which cannot be part of a text.",
        code="parameters_invalid",
        hint="Let the placeholder stand alone in its text.",
    )
