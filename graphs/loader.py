"""Reading and writing definitions: YAML, JSON and plain values give one and the same `Workflow`.

    load_workflow(text)   load_file(path)   load_document(values)    a workflow, or all that is wrong with it
    examine_text(text)    examine_document(values)                   the same as a report, for editors and reviews
    dump_yaml(workflow)                                              YAML that reads back as the same workflow

Problems of every kind come together: the text's, the model's, and those between the parts (`graphs.validation`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from graphs.errors import DefinitionError, Problem
from graphs.loading import agents
from graphs.loading.aliases import rewrite
from graphs.loading.copying import UnusableError, plain_copy
from graphs.loading.emit import to_yaml
from graphs.loading.findings import Findings
from graphs.loading.models import keys_of
from graphs.loading.names import nearest
from graphs.loading.nodes import value_of
from graphs.loading.places import Path as KeyPath
from graphs.loading.places import Place, Positions, area_of, child_of, place_of, steps_of
from graphs.loading.reading import read_definition
from graphs.loading.salvage import salvage
from graphs.loading.words import Complaint, complaints, shown
from graphs.spec import Workflow
from graphs.steps import StepTypes
from graphs.validation import Known, find_problems


@dataclass(frozen=True, slots=True)
class Loaded:
    """A workflow that can be used, and what is doubtful about it."""

    workflow: Workflow
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a definition: errors and warnings, in the order of the text.

    `workflow` is None when there are errors.
    """

    workflow: Workflow | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def loaded(self) -> Loaded:
        """The workflow and its warnings.

        Raises:
            DefinitionError: there are errors; it holds all of them.
        """
        if self.workflow is None:
            raise DefinitionError(self.errors)
        return Loaded(self.workflow, self.warnings)


def load_workflow(text: str, *, step_types: StepTypes, file: str | None = None, known: Known | None = None) -> Loaded:
    """Read a definition from YAML or JSON text.

    Args:
        text: The text.
        step_types: What a step's `type` may name.
        file: The text's name, for messages.
        known: What else the engine knows: workflows, services, functions …

    Raises:
        DefinitionError: everything that is wrong with it.
    """
    return examine_text(text, step_types=step_types, file=file, known=known).loaded()


def load_file(path: str | Path, *, step_types: StepTypes, known: Known | None = None) -> Loaded:
    """Read a definition from a file, in UTF-8.

    Raises:
        DefinitionError: everything that is wrong with it.
        OSError: the file cannot be read.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        hint = "Save it as UTF-8."
        message = f"The file is not UTF-8 text: byte {error.start + 1} fits nowhere."
        raise DefinitionError([Problem("not_utf8", message, hint, file=str(path))]) from None
    return load_workflow(text, step_types=step_types, file=str(path), known=known)


def load_document(
    document: Mapping[str, Any], *, step_types: StepTypes, file: str | None = None, known: Known | None = None
) -> Loaded:
    """Read a definition from values, as JSON gives them.

    Raises:
        DefinitionError: everything that is wrong with it.
    """
    return examine_document(document, step_types=step_types, positions=Positions(file=file), known=known).loaded()


def examine_text(text: str, *, step_types: StepTypes, file: str | None = None, known: Known | None = None) -> Report:
    """Read a definition from text and report what was found; raises nothing for what the text holds."""
    root, positions, findings = read_definition(text, file)
    if root is None:
        return Report(None, findings.problems())
    return _examine(value_of(root), positions, findings, step_types, known)


def examine_document(
    document: Any, *, step_types: StepTypes, positions: Positions | None = None, known: Known | None = None
) -> Report:
    """Read a definition from values and report what was found; raises nothing for what they are.

    Args:
        document: The values; they are not changed.
        step_types: What a step's `type` may name.
        positions: Where they stand in a text, when they come from one.
        known: What else the engine knows.
    """
    positions = positions or Positions()
    findings = Findings(positions)
    try:
        copy = plain_copy(document)
    except UnusableError as error:
        findings.add_sentence(error.code, Place(), f"{error}", error.hint)
        return Report(None, findings.problems())
    return _examine(copy, positions, findings, step_types, known)


def _examine(
    document: Any, positions: Positions, findings: Findings, step_types: StepTypes, known: Known | None
) -> Report:
    """The one way from values to a workflow. `document` is ours to change."""
    workflow = None
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(document, dict):
        hint = "A workflow begins with `apiVersion: workflow/v1` and `kind: Workflow`."
        findings.add_sentence("not_a_definition", Place(), f"The definition is {shown(document)}, not a mapping.", hint)
    elif _header_fits(document, findings):
        if kind == agents.KIND:
            agents.as_workflow(document, positions, findings)
        rewrite(document, positions, findings)
        workflow = _validated(document, positions, findings, step_types, known)
    problems = findings.problems()
    failed = any(problem.severity == "error" for problem in problems)
    return Report(None if failed else workflow, problems)


def _header_fits(document: dict[str, Any], findings: Findings) -> bool:
    """Look at `apiVersion` and `kind`. A document of another kind is not looked at any further, but for a slip."""
    version = document.pop("apiVersion", "workflow/v1")
    if version != "workflow/v1":
        words = f"{shown(version)} is not a version that can be read."
        findings.add("api_version_unknown", Place().at("apiVersion"), words, "Write `apiVersion: workflow/v1`.")
    kind = document.pop("kind", "Workflow")
    if kind in ("Workflow", agents.KIND):
        return True
    if kind == "WorkflowTemplate":
        hint = "Make a workflow of it first, with values for its parameters: baton fill FILE --param name=value."
        findings.add("kind_unknown", Place().at("kind"), "this is a template of a workflow.", hint)
        return False
    words = f"{shown(kind)} is not a kind of document that can be read here."
    findings.add("kind_unknown", Place().at("kind"), words, "Write `kind: Workflow` or `kind: Agent`.")
    return not isinstance(kind, str) or nearest(kind, ("Workflow",)) is not None


def _validated(
    document: dict[str, Any], positions: Positions, findings: Findings, step_types: StepTypes, known: Known | None
) -> Workflow | None:
    try:
        workflow = Workflow.model_validate(document)
    except ValidationError as error:
        for complaint in complaints(Workflow, error):
            _report(complaint, document, findings, step_types)
        _validate_the_rest(document, error, positions, findings, step_types, known)
        return None
    find_problems(workflow, step_types, findings, known)
    return workflow


def _report(complaint: Complaint, document: dict[str, Any], findings: Findings, step_types: StepTypes) -> None:
    place = place_of(document, complaint.path)
    if complaint.key is None:
        hint = complaint.hint or _LISTS.get(area_of(complaint.path) if complaint.code == "wrong_type" else "")
        findings.add(complaint.code, place, complaint.message, hint)
        return
    hint = _config_hint(complaint, document, step_types) or complaint.hint
    sentence = f"{place}: {complaint.message}"
    findings.add_sentence(complaint.code, place.at(complaint.key), sentence, hint, at_key=True)


_LISTS = {
    "list": "Write a list of steps: each begins with `- name: …`.",
    "cases": "Write a list: each case begins with `- when: …` or `- equals: …`.",
}
"""What is often written as a mapping."""


def _config_hint(complaint: Complaint, document: Any, step_types: StepTypes) -> str | None:
    """For a key that stands beside a step's `config` and belongs into it."""
    if area_of(complaint.path) != "step" or complaint.key is None:
        return None
    step = _at(document, complaint.path)
    name = step.get("type", "service_call") if isinstance(step, Mapping) else None
    kind = step_types.get(name) if isinstance(name, str) else None
    kinds = [kind] if kind is not None else step_types.values()
    return "It belongs under 'config'." if any(complaint.key in keys_of(one.Config) for one in kinds) else None


def _at(document: Any, path: KeyPath) -> Any:
    for key in path:
        document = child_of(document, key)
    return document


def _validate_the_rest(
    document: dict[str, Any],
    error: ValidationError,
    positions: Positions,
    findings: Findings,
    step_types: StepTypes,
    known: Known | None,
) -> None:
    """Where the model does not fit, still find what is wrong between the other parts."""
    rest = salvage(document, error)
    if rest is None:
        return
    written = positions.moved
    positions.moved = lambda path: written(rest.as_written(path))
    for complaint in rest.inside:
        _report(complaint, document, findings, step_types)
    more = Findings(positions)
    find_problems(rest.workflow, step_types, more, known, rest.gaps)
    for problem, place in more.found.items():
        if not rest.gaps.cover(place.path):
            findings.take(problem, place)


def dump_yaml(workflow: Workflow) -> str:
    """The definition as YAML text; reading it back gives a workflow with the same digest.

    Raises:
        DefinitionError: it holds Python values, which YAML cannot say; the problems say where.
    """
    dumped = workflow.model_dump(mode="python", by_alias=True, exclude_defaults=True)
    findings = Findings()
    for path, value in _python_values(dumped, ()):
        words = f"{shown(value)} stands here, which YAML cannot say"
        hint = "Register it under a name and use the name, or write an expression."
        findings.add("not_yaml", place_of(dumped, path), words, hint)
    if problems := findings.problems():
        raise DefinitionError(problems)
    document = workflow.as_document()
    for _, step in steps_of(document):
        if needs := step.get("depends_on"):
            step["depends_on"] = [need["step"] if need.keys() == {"step"} else need for need in needs]
    return to_yaml(document)


def _python_values(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _python_values(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _python_values(item, (*path, index))
    elif not isinstance(value, str | int | float | bool | datetime | None):
        yield path, value
