"""Whatever is done to a definition: a report comes of it, soon, made of sentences with places; never another error."""

import copy
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphs.draw import draw_workflow
from graphs.errors import DefinitionError
from graphs.loader import Report, dump_yaml, examine_document, examine_text, load_workflow
from graphs.loading.nodes import value_of
from graphs.loading.reading import read_tree
from tests.support.language import STEP_TYPES
from tests.support.mermaid import read
from tests.unit.language.test_examples import ALL, REGISTRATION

TEXT = REGISTRATION.read_text(encoding="utf-8")
DOCUMENTS = [value_of(root) for path in ALL if (root := read_tree(path.read_text(encoding="utf-8")).root) is not None]

PIECES = [
    "{{ ",
    " }}",
    "{{ input.x }}",
    "{{ steps.a.output }}",
    "${{ params.x }}",
    ": ",
    "- ",
    "\t",
    "'",
    '"',
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "!!str ",
    "!x ",
    "|",
    ">",
    "#",
    "%",
    "@",
    "---\n",
    "...\n",
    "<<: ",
    "? ",
    "\\",
    "\0",
    "\ud800",
    "\u2028",
    "null",
    "~",
    "on",
    "1e999",
    "-1",
    "0x1F",
    "99999999999999999999",
    "name",
    "steps",
    "depends_on",
    "\n",
    "  ",
    "é",
    "🎉",
]
VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    3,
    1.5,
    10**9,
    "",
    "x",
    "{{ input.x }}",
    "{{ 1 +",
    "{{ steps.nobody.output }}",
    "steps",
    [],
    {},
    ["x"],
    [{}],
    [[]],
    {"name": "x"},
    {"x": {"y": [None]}},
    ["validate_input"],
    {"step": "validate_input", "outcome": "failed"},
    {"$ref": "#"},
    {"type": "object", "properties": {"a": {"$ref": "#"}}},
    {"action": "fallback"},
    [1, "x", None, {"name": 5}],
    {"name": "f", "type": "approval"},
    "(a+)+$",
    "24h",
    "user-registration-workflow",
    "map",
    "loop",
    "conditional",
    "parallel",
]
KEYS = [
    "name", "type", "config", "steps", "then", "else", "cases", "branches", "default", "depends_on", "next",
    "condition", "output", "variables", "compensate", "on_failure", "fallback", "on_timeout", "retry",
    "max_retries", "schema", "items", "while", "as", "input_schema", "x",
]  # fmt: skip


def look_at(report: Report, seconds: float) -> None:
    assert seconds < 5
    assert (report.workflow is None) == bool(report.errors)
    for problem in report.problems:
        assert problem.code and problem.message.endswith((".", "?"))
        assert "pydantic" not in str(problem) and "http" not in problem.message.replace("http://", "", 1)
        assert "\n" not in problem.message
    if report.workflow is not None:
        again = load_workflow(dump_yaml(report.workflow), step_types=STEP_TYPES).workflow
        assert again.digest == report.workflow.digest
        read(draw_workflow(report.workflow))


def examine(text: str) -> Report:
    began = time.process_time()
    report = examine_text(text, step_types=STEP_TYPES)
    look_at(report, time.process_time() - began)
    lines = text.count("\n") + 1
    assert all(problem.line is not None and 1 <= problem.line <= lines + 1 for problem in report.problems)
    return report


def damaged(text: str, chance: random.Random) -> str:
    """The text after a few accidents of the kind that happen while writing."""
    for _ in range(chance.randint(1, 4)):
        lines = text.split("\n")
        at, line = chance.randrange(len(text) + 1), chance.randrange(len(lines))
        match chance.randrange(8):
            case 0:
                text = text[:at] + chance.choice(PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.randint(1, 30) :]
            case 2:
                text = "\n".join(lines[:line] + lines[line + 1 :])
            case 3:
                text = "\n".join([*lines[:line], lines[line], *lines[line:]])
            case 4:
                text = "\n".join([*lines[:line], " " * chance.randint(1, 5) + lines[line], *lines[line + 1 :]])
            case 5:
                text = "\n".join([*lines[:line], lines[line].replace('"', ""), *lines[line + 1 :]])
            case 6:
                text = "\n".join([*lines[:line], lines[line][chance.randint(0, 4) :], *lines[line + 1 :]])
            case _:
                other = chance.randrange(len(lines))
                lines[line], lines[other] = lines[other], lines[line]
                text = "\n".join(lines)
    return text


@pytest.mark.capability("C12", "Y01")
@pytest.mark.parametrize("seed", range(80))
def test_damaged_texts(seed: int) -> None:
    examine(damaged(TEXT, random.Random(seed)))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every key and index of a document, with what it is a key of."""
    pairs = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, inner in pairs:
        yield value, key
        yield from places(inner)


def changed(document: Any, chance: random.Random) -> Any:
    """The document with other values, keys lost, added and renamed."""
    document = copy.deepcopy(document)
    for _ in range(chance.randint(1, 4)):
        holder, key = chance.choice(list(places(document)))
        match chance.randrange(5):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice(VALUES))
            case 2 if isinstance(holder, dict):
                holder[chance.choice(KEYS)] = holder.pop(key)
            case 3 if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case _:
                holder[key] = copy.deepcopy(chance.choice(VALUES))
    return document


@pytest.mark.capability("C12", "C02")
@pytest.mark.parametrize("seed", range(200))
def test_changed_documents(seed: int) -> None:
    chance = random.Random(seed)
    document = changed(chance.choice(DOCUMENTS), chance)
    before = copy.deepcopy(document)
    began = time.process_time()
    report = examine_document(document, step_types=STEP_TYPES)
    look_at(report, time.process_time() - began)
    assert document == before


def test_what_once_went_wrong() -> None:
    document = {"type": 1, "metadata": {"name": "w"}, "spec": {"steps": [], "config": {"failure_policy": 5}}}
    assert [problem.code for problem in examine_document(document, step_types=STEP_TYPES).errors] == [
        "wrong_value",
        "unknown_key",
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from([*PIECES, *KEYS, "a", ": ", "- ", "\n", "\n  ", "\n    "]), max_size=40))
def test_texts_of_pieces(pieces: list[str]) -> None:
    text = "".join(pieces)
    report = examine_text(text, step_types=STEP_TYPES)
    assert report.workflow is not None or report.errors


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_any_text(text: str) -> None:
    try:
        load_workflow(text, step_types=STEP_TYPES)
    except DefinitionError as error:
        assert error.problems


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(KEYS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(max_examples=80, deadline=None)
@given(
    config=JSON, step=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4), kind=st.sampled_from(list(STEP_TYPES))
)
def test_any_step(config: Any, step: dict[str, Any], kind: str) -> None:
    document = {
        "metadata": {"name": "w"},
        "spec": {"steps": [{"name": "a", "type": kind, "config": config, **step}, {"name": "b"}]},
    }
    report = examine_document(document, step_types=STEP_TYPES)
    assert (report.workflow is None) == bool(report.errors)
