"""A definition with holes: read, looked at, filled in."""

from collections.abc import Mapping
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
from graphs.loading.places import Place, Positions
from graphs.loading.reading import read_definition
from graphs.loading.words import complaints, shown
from graphs.spec import Parameter
from graphs.steps import StepTypes
from graphs.templates.filling import filled, values_for
from graphs.templates.placeholders import NAME, check_placeholders, without_expression
from graphs.validation import Known

KIND = "WorkflowTemplate"
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
        values = values_for(self.parameters, arguments)
        try:
            document: dict[str, Any] = filled(self.document, values)
        except UnusableError as error:
            raise InputError(f"{error}", code="parameters_invalid", hint=error.hint) from None
        return document

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
    root, positions, findings = read_definition(text, file)
    if root is None:
        raise DefinitionError(findings.problems())
    return _template(value_of(root), positions, findings)


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
    check_placeholders(document, parameters, findings)
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
        if not NAME.fullmatch(f"params.{name}"):
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
    schema = without_expression(parameter.schema_)
    faults = [fault for fault in schema_faults(schema) if not fault.doubt]
    for fault in faults:
        findings.add(fault.code, place.at("schema", *fault.path), fault.message, fault.hint)
    if not faults and parameter.default is not None:
        try:
            check_input(schema, parameter.default, name="default")
        except InputError as error:
            findings.add("wrong_value", place.at("default"), error.message.rstrip("."), "Let it fit the schema.")
