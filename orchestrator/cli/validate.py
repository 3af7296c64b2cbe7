"""`baton validate`: everything that is wrong with definitions."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from graphs.errors import DefinitionError, Problem
from graphs.spec import Workflow
from graphs.templates import KIND, load_template
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.definitions import NO_FILE, Definitions, Unchecked, mars, no_file, not_utf8
from orchestrator.cli.support.errors import problem_line
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import output, print_json


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one file; `workflow` is None where there are errors, and for templates."""

    file: Path
    workflow: Workflow | None
    problems: Sequence[Problem]
    unchecked: Sequence[Unchecked] = ()
    template: bool = False
    missing: bool = False

    def fails(self, strict: bool) -> bool:
        return any(mars(problem, strict) for problem in self.problems)

    def as_document(self, strict: bool) -> dict[str, Any]:
        workflow = self.workflow
        return {
            "file": str(self.file),
            "ok": not self.fails(strict),
            "kind": KIND if self.template else "Workflow",
            "name": workflow.name if workflow else None,
            "version": workflow.version if workflow else None,
            "digest": workflow.digest if workflow else None,
            "problems": [asdict(problem) for problem in self.problems],
            "unchecked": [one._asdict() for one in self.unchecked],
        }


def validate(shared: Shared, *, files: Sequence[Path], strict: bool) -> int:
    """See `orchestrator.cli.declared.defining`."""
    definitions = Definitions(Setting(shared), beside=files)
    checked = [_check(definitions, file) for file in files]
    failed = [one for one in checked if one.fails(strict)]
    if shared.as_json:
        print_json({"ok": not failed, "files": [one.as_document(strict) for one in checked]})
    else:
        for one in checked:
            _show(one, strict)
    if not failed:
        return Exit.COMPLETED
    return Exit.NOT_FOUND if all(one.missing for one in failed) else Exit.PROBLEM


def _check(definitions: Definitions, file: Path) -> Checked:
    try:
        text = file.read_bytes().decode("utf-8")
    except NO_FILE:
        missing = no_file(file)
        return Checked(file, None, [Problem(missing.code, missing.message, missing.hint)], missing=True)
    except UnicodeDecodeError as error:
        return Checked(file, None, [not_utf8(file, error)])
    except OSError as error:
        message = f"The file cannot be read: {error.strerror}."
        hint = "Check the path, and what this user may do there."
        return Checked(file, None, [Problem("file_unreadable", message, hint, file=str(file))])
    report = definitions.examine(file, text)
    if KIND in text and any(problem.code == "kind_unknown" for problem in report.problems):
        return _check_template(file, text)
    unchecked = definitions.unchecked(report.workflow) if report.workflow is not None else ()
    return Checked(file, report.workflow, report.problems, unchecked)


def _check_template(file: Path, text: str) -> Checked:
    """A template can be judged only as far as it goes without its parameters."""
    try:
        load_template(text, file=str(file))
    except DefinitionError as error:
        return Checked(file, None, error.problems, template=True)
    return Checked(file, None, (), template=True)


def _show(checked: Checked, strict: bool) -> None:
    for problem in checked.problems:
        output().print(problem_line(problem))
    if checked.fails(strict):
        return
    what = "a template"
    if checked.workflow is not None:
        count = len(checked.workflow.spec.steps)
        what = f"{checked.workflow.name}@{checked.workflow.version}, {count} {'step' if count == 1 else 'steps'}"
    output().print(Text.assemble((f"{checked.file}: ", "bold"), ("ok", "green"), f"  {what}"))
    for one in checked.unchecked:
        output().print(Text(f"  {one}", "yellow"))
