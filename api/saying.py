"""How the gateway says an error: with the way of HTTP in place of a command's, and without paths of its machine.

Hints are written for whoever sits at the machine. Who comes over HTTP has no `baton` there, and is not to learn where
its files are; the gateway's log and the command line say both.
"""

import re
from pathlib import Path
from typing import Any, Final

from graphs.errors import BatonError, EngineBusyError, StoreError
from orchestrator.ids import shown_text

_ID: Final = r"([^\s,()]+?)(?=[.,]?(?:\s|$))"
_WAYS: Final = tuple(
    (re.compile(command), request)
    for command, request in (
        (r"baton inbox, or (GET /v1/approvals)", r"\1"),
        (r"`baton audit export`, or (GET /v1/audit/export)", r"\1"),
        (rf"baton dead-letters redrive {_ID}, or discard {_ID}", r"POST /v1/dead-letters/\1/redrive, or …/discard"),
        (rf"baton dead-letters (redrive|discard) {_ID}", r"POST /v1/dead-letters/\2/\1"),
        (rf"baton dead-letters --execution {_ID}", r"GET /v1/dead-letters?execution_id=\1"),
        (r"baton dead-letters", "GET /v1/dead-letters"),
        (rf"baton retry {_ID} --from {_ID}", r'POST /v1/executions/\1/retry with {"from": "\2"}'),
        (rf"baton (terminate|continue|resume) {_ID}", r"POST /v1/executions/\2/\1"),
        (rf"baton show {_ID}", r"GET /v1/executions/\1"),
        (r"baton list\b", "GET /v1/executions"),
        (r"baton inbox\b", "GET /v1/approvals"),
        (r"baton workflows\b", "GET /v1/workflows"),
        (r"baton publish FILE", "POST /v1/workflows"),
    )
)
_QUOTED_PATH: Final = re.compile(r"'/(?:[^']*/)?([^'/]+)'")


def over_http(hint: str) -> str:
    """A hint with requests in place of the commands it names, where there are such."""
    for command, request in _WAYS:
        hint = command.sub(request, hint)
    return hint


def facts_of(error: BatonError) -> dict[str, Any]:
    """An error's facts as a client may see them, with the sentence for people as `message`."""
    facts = {name: _shown(value, error) if isinstance(value, str) else value for name, value in error.as_dict().items()}
    facts["message"] = sentence_of(error)
    if error.hint:
        facts["hint"] = over_http(facts["hint"])
    if isinstance(error, StoreError | EngineBusyError):
        facts.pop("file", None)
    return facts


def sentence_of(error: BatonError) -> str:
    """An error as a sentence for clients."""
    text = str(error)
    if error.hint and text.endswith(error.hint):
        return _shown(text.removesuffix(error.hint), error) + over_http(_shown(error.hint, error))
    return _shown(text, error)


def _shown(text: str, error: BatonError) -> str:
    if isinstance(error, StoreError | EngineBusyError):
        if isinstance(file := error.details.get("file"), str):
            text = text.replace(file, Path(file).name)
        text = _QUOTED_PATH.sub(r"'\1'", text)
    return shown_text(text)
