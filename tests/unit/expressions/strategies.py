"""Random expressions: typed ones, well formed by construction; loose ones, anything the grammar allows; and garbage."""

from functools import cache
from typing import Any

from hypothesis import strategies as st

# No key here is called like a method of dict (`items`, `keys`): there Jinja2 gives the method, which is its mistake.
SCOPE: dict[str, Any] = {
    "input": {
        "three": 3,
        "minus": -2,
        "half": 1.5,
        "zero": 0,
        "name": "Ann",
        "phrase": "two words",
        "empty": "",
        "yes": True,
        "no": False,
        "nothing": None,
        "numbers": [3, 1, 2],
        "names": ["b", "a"],
        "rows": [{"k": 1, "n": "x"}, {"k": 2, "n": "y"}],
        "object": {"k": 1, "deep": {"n": "z"}},
    },
    "steps": {"a": {"output": {"y": 5}, "completed": True}},
}

_TESTED = [
    "(input.name is defined)",
    "(input.absent is defined)",
    "(input.absent is not defined)",
    "(input.nothing is none)",
    "(input.name is string)",
    "(input.three is number)",
]
_LITERALS = ["true", "false", "none", "[]", "[1, 'a']", "{'k': 1}"]
_SCALARS = ["name", "three", "half", "yes", "no", "nothing", "empty", "absent"]
_PATHS = ["numbers", "rows", "object", "absent.deeper", "object.deep", "object['k']", "numbers[0]", "rows[1].n"]
_ENDS = ["numbers[9]", "numbers[-1]", "name[0]", "name.first"]
_ATOMS = [
    *_LITERALS,
    *("input." + name for name in (*_SCALARS, *_PATHS, *_ENDS)),
    "input",
    "steps.a.output.y",
    "steps.b",
]
_WORDS = [" if ", " else ", " and ", " or ", "not ", " in ", " is ", " defined", "|default(1)", "now()", "|map('a')"]
_BRACES = ["{{", "}}", "-}}", "{%", "{#", "(", ")", "[", "]", "{", "}", "'", '"', "hash("]
_SIGNS = [
    "**",
    "//",
    "1e9",
    "0x",
    "'a'",
    "\\",
    "\\x",
    "\\ud800",
    "~",
    "=",
    "==",
    ":",
    ",",
    "*",
    "-",
    "!",
    "&&",
    ";",
    "é",
    "€",
]

_texts = st.sampled_from(["'a'", "'Ann'", "''", '"x y"', "'é'", r"'\n'", r"'it\'s'"])
_numbers = st.one_of(st.integers(0, 50).map(str), st.sampled_from(["0.5", "2.0", "1e3", "1_000"]))


def _binary(
    operators: list[str], left: st.SearchStrategy[str], right: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    return st.builds("({} {} {})".format, left, st.sampled_from(operators), right)


@cache  # Strategies are slow to build, and each is used by many others.
def numbers(depth: int = 2) -> st.SearchStrategy[str]:
    if depth == 0:
        return st.one_of(_numbers, st.sampled_from(["input.three", "input.minus", "input['half']", "steps.a.output.y"]))
    inner, below = numbers(depth - 1), depth - 1
    return st.one_of(
        _binary(["+", "-", "*"], inner, inner),
        _binary(["/", "//", "%"], inner, st.sampled_from(["2", "3.0", "input.three", "input.zero", "-4"])),
        inner.map("(-({}))".format),
        inner.map("({})|round(2)".format),
        inner.map("({})|int".format),
        inner.map("({})|float".format),
        texts(below).map("({})|length".format),
        lists(below).map("({})|sum".format),
        lists(below).map("({})|max".format),
        lists(below).map("({})|first".format),
        st.builds("({} if {} else {})".format, inner, booleans(below), inner),
        st.builds("(input.{})|default({})".format, st.sampled_from(["three", "absent"]), inner),
        inner,
    )


@cache
def texts(depth: int = 2) -> st.SearchStrategy[str]:
    if depth == 0:
        return st.one_of(_texts, st.sampled_from(["input.name", "input['phrase']", "input.object.deep.n"]))
    inner, below = texts(depth - 1), depth - 1
    return st.one_of(
        _binary(["+", "~"], inner, inner),
        st.builds("({} ~ {})".format, inner, numbers(below)),
        inner.map("({})|upper".format),
        inner.map("({})|lower".format),
        inner.map("({})|trim".format),
        st.builds("({})|replace('a', {})".format, inner, inner),
        st.builds("({})|join({})".format, st.just("input.names"), inner),
        st.builds("({} if {} else {})".format, inner, booleans(below), inner),
        inner,
    )


@cache
def booleans(depth: int = 2) -> st.SearchStrategy[str]:
    if depth == 0:
        return st.sampled_from(["true", "false", "input.yes", "input.no", "steps.a.completed", "True"])
    inner, below = booleans(depth - 1), depth - 1
    return st.one_of(
        _binary(["and", "or"], inner, inner),
        inner.map("(not {})".format),
        _binary(["==", "!=", "<", "<=", ">", ">="], numbers(below), numbers(below)),
        _binary(["==", "!=", "<", "<=", ">", ">="], texts(below), texts(below)),
        _binary(["in", "not in"], texts(below), texts(below)),
        _binary(["in", "not in"], numbers(below), lists(below)),
        st.builds("({} < {} <= {})".format, numbers(below), numbers(below), numbers(below)),
        st.sampled_from(_TESTED),
        inner,
    )


@cache
def lists(depth: int = 2) -> st.SearchStrategy[str]:
    """Lists of numbers, never empty."""
    if depth == 0:
        return st.sampled_from(["input.numbers", "[1]", "[3, 1.5, 2]", "[input.three]"])
    inner, below = lists(depth - 1), depth - 1
    return st.one_of(
        _binary(["+"], inner, inner),
        st.lists(numbers(below), min_size=1, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        inner.map("({})|sort".format),
        inner.map("({})|sort(reverse=true)".format),
        st.just("input.rows|map(attribute='k')|list").map(lambda _: "input.numbers"),
        inner,
    )


typed = st.one_of(numbers(), texts(), booleans(), lists())

_atoms = st.one_of(
    _texts,
    _numbers,
    st.sampled_from(_ATOMS),
)


def _loose(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
    filters = ["length", "lower", "upper", "trim", "first", "last", "sum", "min", "max", "int", "float", "string"]
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(operators), inner),
        inner.map("(not {})".format),
        inner.map("(-({}))".format),
        st.builds("({})|{}".format, inner, st.sampled_from(filters)),
        st.builds("({})|default({})".format, inner, inner),
        st.builds("(({}) is {})".format, inner, st.sampled_from(["defined", "undefined", "none", "not defined"])),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'k': {}}}".format, inner),
        st.builds("(({})[{}])".format, inner, inner),
        st.builds("(({}).k)".format, inner),
    )


loose = st.recursive(_atoms, _loose, max_leaves=6)

# Not `one_of`, which would choose among all the branches of both and leave the loose ones hardly a chance.
either = st.booleans().flatmap(lambda well_formed: typed if well_formed else loose)

_fragments = st.sampled_from(["input", "steps", ".a", "[0]", *_WORDS, *_BRACES, *_SIGNS])

garbage = st.one_of(
    st.text(max_size=60), st.lists(st.one_of(_fragments, st.text(max_size=3)), max_size=25).map("".join)
)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**12), 10**12),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)),
    max_leaves=12,
)
