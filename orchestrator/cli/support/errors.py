"""Errors as people and programs get them: a sentence and the next move, never a traceback unless asked."""

import errno
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.text import Text

from graphs.errors import BatonError, DefinitionError, Problem
from orchestrator.cli.support.terminal import errors, print_json
from orchestrator.ids import shown_text


def report(error: Exception, *, as_json: bool, debug: bool) -> None:
    """Print an error where people look for it, and with `as_json` as one document where programs do."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if as_json and _printed(error):
        return
    if isinstance(error, DefinitionError):
        print_problems(error.problems)
    else:
        message, hint = _words(error)
        errors().print(Text.assemble(("error: ", "bold red"), message))
        if hint:
            errors().print(Text.assemble(("hint: ", "bold"), hint))


def _printed(error: Exception) -> bool:
    try:
        print_json({"error": as_document(error)})
    except BrokenPipeError:
        raise
    except OSError:  # a full disk, say: then people are told at least
        return False
    return True


def as_document(error: Exception) -> dict[str, Any]:
    """An error as JSON values."""
    if isinstance(error, DefinitionError):
        return error.as_dict() | {"problems": [asdict(problem) for problem in error.problems]}
    if isinstance(error, BatonError):
        return {name: shown_text(value) if isinstance(value, str) else value for name, value in error.as_dict().items()}
    message, hint = _words(error)
    code = "os_error" if isinstance(error, OSError) else "defect"
    return {"code": code, "message": message, "hint": hint, "kind": type(error).__name__}


def print_problems(problems: Sequence[Problem]) -> None:
    """Problems of definitions on standard error, one line each: `file:line:column: error: …`."""
    for problem in problems:
        errors().print(problem_line(problem))


def problem_line(problem: Problem) -> Text:
    """A problem as compilers print theirs, so that editors can jump to it."""
    place = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
    style = "bold red" if problem.severity == "error" else "bold yellow"
    line = Text.assemble((f"{place}: " if place else "", "bold"), (f"{problem.severity}: ", style), problem.message)
    return line.append(f" {problem.hint}") if problem.hint else line


def _words(error: Exception) -> tuple[str, str | None]:
    if isinstance(error, BatonError):
        return error.message, error.hint
    if isinstance(error, OSError):
        what = error.strerror or str(error)
        if error.filename:
            return f"'{error.filename}': {what}.", "Check the path, and what this user may do there."
        return f"{what}.", "Check where the output goes." if error.errno == errno.ENOSPC else None
    sentence = f"Something unforeseen: {type(error).__name__}: {error}".rstrip(".")
    return f"{sentence}.", "This is a defect in Baton. Please report it, with what --debug prints."
