"""The workflows a definition may name: those of the files it comes with, of Python modules, and published ones."""

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from graphs.loader import examine_text
from graphs.loading.findings import Severity
from graphs.spec import Workflow
from graphs.steps import StepTypes
from orchestrator.brain.assistant import ASSISTANT, load_assistant
from orchestrator.cli.lazy import load
from orchestrator.cli.support.setting import Setting


class AtHand(Collection[str]):
    """Their names. Nothing is read before somebody asks, as most definitions name no other."""

    def __init__(self, setting: Setting, step_types: StepTypes, files: Sequence[Path]) -> None:
        self._setting = setting
        self._step_types = step_types
        self._files = files
        self._found: dict[tuple[str, str | None], Workflow | None] = {}

    def absent(self, *, here: bool) -> Severity | None:
        """What it is when one is not among them.

        Args:
            here: It is to be carried out now, and what it names with it.
        """
        if here:
            return "error"
        return "warning" if self._setting.settings.database.exists() else None

    def find(self, name: str, version: str | None) -> Workflow | None:
        """The workflow of a name; of several the one that comes with it, as that is the one to be published."""
        if (name, version) not in self._found:
            self._found[name, version] = self._find(name, version)
        return self._found[name, version]

    def _find(self, name: str, version: str | None) -> Workflow | None:
        for one in (*self._beside, *self._setting.offered.workflows):
            if one.name == name and version in (None, one.version):
                return one
        if self._published is not None and (document := self._published.find(name, version)) is not None:
            return Workflow.model_validate(document)
        assistant = load_assistant(self._step_types) if name == ASSISTANT else None
        return assistant if assistant is not None and version in (None, assistant.version) else None

    @cached_property
    def _beside(self) -> tuple[Workflow, ...]:
        read = (_read(file, self._step_types) for file in self._files)
        return tuple(workflow for workflow in read if workflow is not None)

    @cached_property
    def _names(self) -> frozenset[str]:
        given = {one.name for one in (*self._beside, *self._setting.offered.workflows)}
        return frozenset({*given, *(self._published.names if self._published is not None else ())})

    @cached_property
    def _published(self) -> Any:
        # Loaded where there is something to look into: a check of a file needs no database driver.
        path = self._setting.settings.database
        return load("orchestrator.store.lookup:Lookup")(path, self._setting.tenant) if path.exists() else None

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)


def _read(file: Path, step_types: StepTypes) -> Workflow | None:
    try:
        return examine_text(file.read_bytes().decode("utf-8"), step_types=step_types, file=str(file)).workflow
    except (OSError, UnicodeDecodeError):
        return None  # told where the file itself is looked at
