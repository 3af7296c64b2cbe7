"""Definitions for tests: the real step types, small documents, problems as lines of text."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import agents
from agents.reasoning.agent import AgentStep
from graphs import composites
from graphs.errors import Problem
from graphs.loader import Report, examine_text
from graphs.spec import Workflow
from graphs.steps import StepTypes
from graphs.validation import Known

STEP_TYPES = StepTypes([*agents.step_types(), AgentStep(), *composites.step_types()])

HEADER = "metadata: {name: w}\nspec:\n  steps:\n"
"""What stands before the steps of a small definition; they begin in line 4, column 5."""


def with_steps(steps: str) -> str:
    """A definition with these steps."""
    return HEADER + textwrap.indent(textwrap.dedent(steps).strip("\n") + "\n", "    ")


def examine(text: str, known: Known | None = None, file: str | None = None) -> Report:
    return examine_text(text, step_types=STEP_TYPES, known=known, file=file)


def workflow(text: str) -> Workflow:
    """The workflow of a definition that is right."""
    return examine(text).loaded().workflow


def told(problem: Problem) -> str:
    """`4:11 error unknown_key: …`"""
    sentence = f"{problem.message} {problem.hint}" if problem.hint else problem.message
    place = f"{problem.line}:{problem.column}" if problem.line is not None else "-"
    return f"{place} {problem.severity} {problem.code}: {sentence}"


class Case(NamedTuple):
    """One definition of a file of messages, and what is to be said about it."""

    name: str
    capabilities: tuple[str, ...]
    text: str
    expected: list[str]


def cases(path: Path) -> Iterator[Case]:
    """The cases of a file:

    === name [C12 Y06]
    the definition, or `@steps` and its steps
    -----
    what is said about it, a line for each problem
    """
    for block in path.read_text(encoding="utf-8").split("\n=== ")[1:]:
        head, _, rest = block.partition("\n")
        text, _, expected = rest.partition("\n-----\n")
        found = re.fullmatch(r"(.+?)(?: \[(.*)\])?", head.strip())
        assert found is not None
        if text.startswith("@steps\n"):
            text = with_steps(text.removeprefix("@steps\n"))
        lines = [line for line in expected.splitlines() if line.strip()]
        yield Case(found[1], tuple((found[2] or "").split()), text, lines)
