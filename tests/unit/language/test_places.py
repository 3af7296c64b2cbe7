"""Where problems are said to be: line and column in the text, path and subject for people."""

import pytest

from graphs.loading.nodes import value_of
from graphs.loading.places import Place, Positions, place_of, steps_of
from graphs.loading.reading import read_tree

TEXT = """\
spec:
  steps:
    - name: a
      config:
        message: |
          Hello {{ x }},
            and {{ y }}
        plain: pre {{ x }}
        quoted: "pre {{ x }}"
        escaped: "\\t{{ x }}"
        folded: >
          one {{ x }}
          two
    - name: b
      branches:
        - [{name: c}]
        - [{name: d}, {type: e}]
      then: {name: f}
      on_failure: {fallback: {name: g, then: [{name: h}]}}
      cases: [{steps: [{name: i}]}]
"""


def positions() -> Positions:
    return Positions(read_tree(TEXT).root, TEXT)


def document() -> object:
    root = read_tree(TEXT).root
    assert root is not None
    return value_of(root)


CONFIG = ("spec", "steps", 0, "config")
B = ("spec", "steps", 1)


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("spec",), (1, 1), (1, 1)),
        (("spec", "steps"), (2, 3), (2, 3)),  # a list is pointed at by its key
        (("spec", "steps", 0), (3, 7), (3, 7)),
        (("spec", "steps", 0, "name"), (3, 13), (3, 7)),
        ((*CONFIG, "plain"), (8, 16), (8, 9)),
        ((*CONFIG, "nothing", "deeper"), (4, 7), (4, 7)),  # the nearest that is there
        ((*B, "branches", "branch_1", 0, "name"), (17, 19), (17, 13)),
        ((*B, "then", 0, "name"), (18, 20), (18, 14)),  # one step stands for a list of one
        ((*B, "then", 0), (18, 13), (18, 13)),
    ],
)
def test_lines_and_columns(path: tuple[str | int, ...], value: tuple[int, int], key: tuple[int, int]) -> None:
    assert positions().value(path) == value
    assert positions().key(path) == key


@pytest.mark.parametrize(
    ("key", "offset", "place"),
    [
        ("plain", 7, (8, 23)),
        ("quoted", 7, (9, 25)),
        ("message", 9, (6, 20)),
        ("message", 24, (7, 20)),
        ("escaped", 4, (10, 18)),  # where the text begins: an escape makes counting idle
        ("folded", 7, (11, 17)),
    ],
)
def test_characters_in_texts(key: str, offset: int, place: tuple[int, int]) -> None:
    found = positions().character((*CONFIG, key), offset)
    assert found == place
    if key in ("plain", "quoted", "message"):
        line = TEXT.splitlines()[place[0] - 1]
        assert line[place[1] - 1] in "xy"


@pytest.mark.parametrize(
    ("path", "subject", "said", "where"),
    [
        ((), "the definition", "the definition", ""),
        (("spec",), "spec", "spec", ""),
        (("spec", "config", "timeout"), "config.timeout", "config.timeout", "config.timeout"),
        (("metadata", "name"), "metadata.name", "metadata.name", "metadata.name"),
        (B, "step 'b'", "step 'b'", "steps.b"),
        ((*B, "branches", "branch_0", 0, "config"), "step 'b.c'", "step 'b.c', config",
         "steps.b.branches.branch_0.c.config"),
        ((*B, "branches", "branch_1", 1, "type"), "step 'b'", "step 'b', branches.branch_1[1].type",
         "steps.b.branches.branch_1[1].type"),
        ((*B, "then", 0, "name"), "step 'b.f'", "step 'b.f', name", "steps.b.then.f.name"),
        ((*B, "on_failure", "fallback", "then", 0), "step 'b.g.h'", "step 'b.g.h'",
         "steps.b.on_failure.fallback.then.h"),
        ((*B, "cases", 0, "steps", 0, "x", 1), "step 'b.i'", "step 'b.i', x[1]", "steps.b.cases[0].steps.i.x[1]"),
        (("spec", "steps", 7, "name"), "steps[7].name", "steps[7].name", "steps[7].name"),
        ((*CONFIG, "steps", 0), "step 'a'", "step 'a', config.steps[0]", "steps.a.config.steps[0]"),
    ],
)  # fmt: skip
def test_subjects_and_paths(path: tuple[str | int, ...], subject: str, said: str, where: str) -> None:
    place = place_of(document(), path)
    assert (place.subject, str(place), place.where, place.path) == (subject, said, where, path)


def test_a_place_can_be_built_step_by_step() -> None:
    place = Place().at("spec", "steps").step_at(1, "b").at("then").step_at(0, "f").at("config", "x")
    assert place == place_of(document(), (*B, "then", 0, "config", "x"))
    alone = Place().at("spec", "steps").step_at(1, "b").at("on_failure", "fallback").as_step("g").at("type")
    assert alone == place_of(document(), (*B, "on_failure", "fallback", "type"))


def test_every_step_is_found() -> None:
    names = {step.get("name") for _, step in steps_of(document())}
    assert names == {"a", "b", "c", "d", None, "f", "g", "h", "i"}


def test_steps_are_found_in_anything() -> None:
    nested = {"spec": {"steps": [1, None, [2]]}}
    wrongs: list[object] = [None, 1, [], {"spec": 3}, {"spec": {"steps": {"name": "x"}}}, nested]
    assert [len(list(steps_of(wrong))) for wrong in wrongs] == [0, 0, 0, 0, 1, 0]
