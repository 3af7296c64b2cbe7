"""Definitions that are too large, too deep or out to do harm: refused with a sentence, and soon."""

import itertools
import time

import pytest

from graphs.loading import tree
from graphs.loading.places import Positions
from graphs.loading.reading import MAX_CHARACTERS, read_tree
from graphs.loading.tree import MAX_DEPTH, MAX_FAULTS
from graphs.validation.outline import MAX_NESTING, MAX_STEPS
from tests.support.language import examine, told, with_steps
from tests.support.measuring import processor_time


def alias_bomb() -> str:
    """Nine lines of nine aliases each: three hundred million values in 400 bytes."""
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    names = "abcdefghi"
    lines += [f"{new}: &{new} [{','.join(['*' + old] * 9)}]" for old, new in itertools.pairwise(names)]
    return "\n".join(lines)


@pytest.mark.capability("C01")
def test_an_alias_bomb_is_refused_at_once() -> None:
    bomb = alias_bomb()
    assert len(bomb) < 430
    with processor_time() as spent:
        report = examine(bomb)
        assert spent() < 0.05
    assert [told(problem) for problem in report.problems] == [
        "6:17 error definition_too_large: The text stands for more than 200,000 values (aliases count each time they "
        "are used). Use fewer values, or fewer aliases."
    ]


def test_a_chain_of_aliases_that_gets_deeper_and_deeper() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 200))]
    assert [problem.code for problem in examine("\n".join(lines)).problems] == ["definition_too_deep"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x" * (MAX_CHARACTERS + 1), "1:1 error definition_too_large: The text has 1,000,001 characters; the most is "
         "1,000,000. Move parts of it into workflows of their own."),
        ("[" * 500_000, "1:101 error definition_too_deep: Lists and mappings are nested more than 100 deep here. "
         "Move the inner part into a workflow of its own."),
        ('{"a":' * 200_000, "1:501 error definition_too_deep: Lists and mappings are nested more than 100 deep here. "
         "Move the inner part into a workflow of its own."),
        ("- " * 300_000, "1:201 error definition_too_deep: Lists and mappings are nested more than 100 deep here. "
         "Move the inner part into a workflow of its own."),
        ("a\0b", "1:2 error bad_character: The text holds a character that cannot be kept: U+0000 (NUL). "
         "Remove it, or save the file as UTF-8 text."),
        ("a:\n  b: \ud800", "2:6 error bad_character: The text holds a character that cannot be kept: U+D800 "
         "(a lone surrogate). Remove it, or save the file as UTF-8 text."),
        ("a: \x1b[31m", "1:4 error bad_character: The text holds a character that cannot be kept: U+001B "
         "(a control). Remove it, or save the file as UTF-8 text."),
    ],
    ids=["large", "deep list", "deep JSON", "deep items", "NUL", "surrogate", "control"],
)  # fmt: skip
def test_too_much(text: str, said: str) -> None:
    assert [told(problem) for problem in examine(text).problems] == [said]


def test_reading_stops_when_everything_is_wrong() -> None:
    report = examine("a:\n" * 1000)
    assert [problem.code for problem in report.problems] == ["duplicate_key"] * MAX_FAULTS + ["too_many_problems"]
    assert told(report.problems[-1]) == (
        "51:1 error too_many_problems: Reading stopped here, after 50 problems. Mend those first."
    )


def test_steps_inside_steps_inside_steps() -> None:
    text = "{name: inner, type: delay, config: {seconds: 1}}"
    for depth in range(MAX_NESTING + 3):
        text = f"{{name: s{depth}, type: sequence, steps: [{text}]}}"
    report = examine(with_steps(f"- {text}"))
    assert [problem.code for problem in report.problems] == ["nested_too_deep"]
    names = ".".join(f"s{depth}" for depth in range(MAX_NESTING + 2, 1, -1))
    assert report.problems[0].message == f"step '{names}': steps are nested more than {MAX_NESTING} deep."
    assert report.problems[0].hint == "Move the inner steps into a workflow of their own."


def test_too_many_steps() -> None:
    steps = ",".join(f'{{"name":"s{n}","type":"delay"}}' for n in range(MAX_STEPS + 1))
    report = examine(f'{{"metadata":{{"name":"w"}},"spec":{{"steps":[{steps}]}}}}')
    assert [told(problem) for problem in report.problems] == [
        "1:34 error too_many_steps: the definition has 10,001 steps; the most is 10,000. "
        "Use a 'map' for steps that are alike, or move parts into workflows of their own."
    ]


HOSTILE = {
    "open braces": "{" * 400_000,
    "unquoted expressions": "{{" * 300_000,
    "quotes": "'" * 900_000,
    "keys": "? " * 300_000,
    "anchors": "&a " * 300_000,
    "lines": "\n" * 300_000,
    "a block": "a: |\n" + " x\n" * 100_000,
    "percent signs": "%" * 900_000,
    "escapes": '"' + "\\n" * 400_000,
    "comments": "#" * 900_000,
    "one key": "a:\n" * 300_000,
    "colons": ":" * 900_000,
    "flow keys": "{" + "a, " * 300_000,
    "many unquoted lines": "a:\n" + "".join(f"  k{n}: {{{{ x }}}}/y\n" for n in range(2_000)),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_reading_takes_bounded_time(text: str) -> None:
    began = time.process_time()
    reading = read_tree(text)
    # Two seconds here are what 200,000 values take, the most there may be; the bound leaves room for a busy machine.
    assert time.process_time() - began < 10
    assert reading.root is not None or reading.faults


def test_values_are_counted_whether_they_are_kept_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_NODES", 1_000)
    for text in ("-\n" * 2_000, "[" + "1," * 2_000 + "1]", '{"a": [' + "1," * 2_000 + "1]}", "a: [" + "x, " * 2_000):
        codes = [fault.code for fault in read_tree(text).faults]
        assert codes == ["definition_too_large"]


def chain(count: int, *, backwards: bool = False) -> str:
    lines = ["- {name: s0, type: delay, config: {seconds: 1}}"]
    for n in range(1, count):
        config = f"{{seconds: '{{{{ steps.s{n - 1}.output.x }}}}'}}"
        lines.append(f"- {{name: s{n}, type: delay, config: {config}, depends_on: [s{n - 1}]}}")
    return with_steps("\n".join(reversed(lines) if backwards else lines))


@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_of_many_steps_is_checked_in_a_few_seconds(backwards: bool) -> None:
    began = time.process_time()
    assert examine(chain(500, backwards=backwards)).errors == ()
    assert time.process_time() - began < 10


def test_wrong_names_in_a_large_definition_are_still_answered_soon() -> None:
    steps = "\n".join(f"- {{name: step_{n}, type: delay, depends_on: [stepp_{n}]}}" for n in range(3_000))
    began = time.process_time()
    report = examine(with_steps(steps))
    assert time.process_time() - began < 10
    assert report.problems[0].hint == "Did you mean 'step_0'?"


def test_places_without_a_text_are_none() -> None:
    assert Positions().value(("spec",)) is None
    assert Positions().key(("spec",)) is None
    assert Positions().character(("spec",), 3) is None
    assert Positions().raw(("spec",)) is None


def test_depth_is_what_pydantic_can_follow() -> None:
    inner = "x"
    for _ in range(MAX_DEPTH - 4):
        inner = f"[{inner}]"
    assert examine(f"metadata: {{name: w}}\nspec: {{steps: [], variables: {{a: {inner}}}}}").errors == ()
