"""Text to nodes: YAML or JSON, whichever it is, with everything that is wrong with it as a text."""

import re

from graphs.loading.braces import with_quotes
from graphs.loading.findings import Findings
from graphs.loading.json_events import json_events
from graphs.loading.nodes import Fault, Node
from graphs.loading.places import Positions
from graphs.loading.tree import Reading, TreeBuilder
from graphs.loading.yaml_events import yaml_events

MAX_CHARACTERS = 1_000_000
MAX_REPAIRS = 20
"""How often a text is read again with quotes put in."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_tree(text: str, *, json: bool = False) -> Reading:
    """Read a YAML or JSON text. Never raises for what the text holds.

    Args:
        text: The text.
        json: It was said to be JSON, so when it is not, the JSON reader's complaint is the one to show.
    """
    if (fault := _unreadable(text)) is not None:
        return Reading(None, [fault])
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith(("{", "[")):
        reading = TreeBuilder(text).read(json_events(text))
        if reading.root is not None or json or _certainly_json(text):
            return reading
    return _read_yaml(text)


def read_definition(text: str, file: str | None) -> tuple[Node | None, Positions, Findings]:
    """Read the text of a file: its value (None when it cannot be read), where all of it stands, and its faults."""
    reading = read_tree(text, json=bool(file and file.endswith(".json")))
    positions = Positions(reading.root, reading.text, file)
    findings = Findings(positions)
    for fault in reading.faults:
        findings.add_fault(fault)
    return reading.root, positions, findings


def _unreadable(text: str) -> Fault | None:
    if len(text) > MAX_CHARACTERS:
        message = f"the text has {len(text):,} characters; the most is {MAX_CHARACTERS:,}."
        return Fault("definition_too_large", message, "Move parts of it into workflows of their own.", 1, 1)
    if found := _UNPRINTABLE.search(text, 1 if text.startswith("\ufeff") else 0):
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        name = "NUL" if found[0] == "\0" else "a lone surrogate" if "\ud800" <= found[0] <= "\udfff" else "a control"
        message = f"the text holds a character that cannot be kept: U+{ord(found[0]):04X} ({name})."
        return Fault("bad_character", message, "Remove it, or save the file as UTF-8 text.", line, column)
    return None


def _certainly_json(text: str) -> bool:
    return re.match(r"\s*\{\s*\"", text) is not None


def _read_yaml(text: str) -> Reading:
    """Read YAML; where it stumbles over an expression without quotes, go on as if they were there."""
    faults: list[Fault] = []
    for _ in range(MAX_REPAIRS):
        reading = TreeBuilder(text).read(yaml_events(text))
        last = reading.faults[-1] if reading.faults else None
        if reading.root is not None or last is None or last.code != "unquoted_expression":
            break
        repaired = with_quotes(text, last)
        if repaired is None:
            break
        faults.append(last)
        text = repaired
    else:
        reading = Reading(None, [])
    found = sorted(dict.fromkeys([*faults, *reading.faults]), key=lambda fault: (fault.line, fault.column))
    return Reading(reading.root, found, text)
