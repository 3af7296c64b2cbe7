"""From the tree to something that runs.

Two forms exist of the parts that may lead to nothing. The strict one raises an error. The lenient one gives
MISSING, and only `default`, `is defined` and `is undefined` ask for it: a missing value reaches nobody else.
"""

from collections.abc import Callable
from typing import Any, Final

from graphs.expressions import closures, tree
from graphs.expressions.arguments import need_boolean, need_number, need_text
from graphs.expressions.closures import Placed, Run
from graphs.expressions.faults import fault
from graphs.expressions.filters import FILTERS
from graphs.expressions.frame import Frame
from graphs.expressions.functions import FUNCTIONS
from graphs.expressions.lift import run_at
from graphs.expressions.operators import ARITHMETIC, COMPARISONS
from graphs.expressions.predicates import TESTS
from graphs.expressions.read import read_computed_path, read_fixed_path
from graphs.expressions.secret import Secret
from graphs.expressions.signature import Builtin
from graphs.expressions.values import MISSING, a_number, plain

_MAY_BE_EMPTY: Final = frozenset({"first", "last", "min", "max"})


def build(node: tree.Node) -> Run:
    """The strict form: it gives a value or raises."""
    make: Callable[[Any], Run] = _BUILDERS[type(node)]
    return make(node)


def build_lenient(node: tree.Node) -> Run:
    """The form that gives MISSING for what is not there."""
    match node:
        case tree.Name():
            return read_fixed_path(node, [], [], lenient=True)
        case tree.Path():
            return _path(node, lenient=True)
        case tree.Choose(test=test, then=then, otherwise=otherwise):
            return closures.choice(build(test), build_lenient(then), build_lenient(otherwise), test.offset)
        case tree.Filter(name="default", value=value):
            return closures.defaulted(build_lenient(value), build_lenient(_fallback(node)))
        case tree.Filter(name=name) if name in _MAY_BE_EMPTY:
            return _filter(node, lenient=True)
        case _:
            return build(node)


def _literal(node: tree.Literal) -> Run:
    value = node.value
    return lambda _frame: value


def _items(node: tree.Items) -> Run:
    parts = [build(item) for item in node.items]
    return lambda frame: [plain(part(frame)) for part in parts]


def _fields(node: tree.Fields) -> Run:
    pairs = [(build(key), key.offset, build(value)) for key, value in node.pairs]
    return lambda frame: {_field_name(key(frame), offset): plain(value(frame)) for key, offset, value in pairs}


def _field_name(key: Any, offset: int) -> str:
    if type(key) is Secret:
        # The names of fields are shown in messages and cannot be masked.
        raise fault("secret_refused", "a secret cannot be the name of a field.", "Use it as a value.", offset)
    name: str = run_at(offset, need_text, key, "the name of a field")
    return name


def _name(node: tree.Name) -> Run:
    return read_fixed_path(node, [], [], lenient=False)


def _path(node: tree.Path, *, lenient: bool = False) -> Run:
    fixed = [key.value for key in node.keys if isinstance(key, tree.Literal)]
    offsets = [key.offset for key in node.keys]
    if isinstance(node.base, tree.Name) and len(fixed) == len(node.keys):
        return read_fixed_path(node.base, fixed, offsets, lenient=lenient)
    base = build_lenient(node.base) if lenient else build(node.base)
    return read_computed_path(base, [build(key) for key in node.keys], offsets, lenient=lenient)


def _chain(node: tree.Chain) -> Run:
    rest = [(ARITHMETIC[symbol], build(part)) for symbol, part in node.rest]
    return closures.chained(build(node.first), rest, node.offset)


def _compare(node: tree.Compare) -> Run:
    rest = [(COMPARISONS[symbol], build(part)) for symbol, part in node.rest]
    return closures.compared(build(node.first), rest, node.offset)


def _join(node: tree.Join) -> Run:
    return closures.texts(_placed(node.parts), node.offset)


def _logic(node: tree.Logic) -> Run:
    return closures.decided(_placed(node.parts), decisive=node.word == "or")


def _placed(nodes: tuple[tree.Node, ...]) -> list[Placed]:
    return [(build(node), node.offset) for node in nodes]


def _not(node: tree.Not) -> Run:
    return closures.applied(lambda value: not need_boolean(value, "'not'"), build(node.operand), node.operand.offset)


def _sign(node: tree.Sign) -> Run:
    sign = node.sign

    def work(value: Any) -> int | float:
        number = need_number(value, f"'{sign}'")
        return a_number(-number if sign == "-" else number)

    return closures.applied(work, build(node.operand), node.offset)


def _choose(node: tree.Choose) -> Run:
    return closures.choice(build(node.test), build(node.then), build(node.otherwise), node.test.offset)


def _filter(node: tree.Filter, *, lenient: bool = False) -> Run:
    if node.name == "default":
        return closures.defaulted(build_lenient(node.value), build(_fallback(node)))
    work = _work(FILTERS[node.name], node)
    if node.name in _MAY_BE_EMPTY:
        work = _passing_on(work) if lenient else _finding(work, FILTERS[node.name].label)
    value = build_lenient(node.value) if lenient else build(node.value)
    return closures.filtered(work, value, _arguments(node), node.place)


def _passing_on(work: Callable[..., Any]) -> Callable[..., Any]:
    def run(frame: Frame, value: Any, *args: Any) -> Any:
        return MISSING if value is MISSING else work(frame, value, *args)

    return run


def _finding(work: Callable[..., Any], label: str) -> Callable[..., Any]:
    def run(frame: Frame, value: Any, *args: Any) -> Any:
        found = work(frame, value, *args)
        if found is MISSING:
            raise fault("missing_value", f"{label} finds nothing in an empty list.", "Add |default(…).")
        return found

    return run


def _fallback(node: tree.Filter) -> tree.Node:
    return node.args[0] if node.args else node.named[0][1]


def _call(node: tree.Call) -> Run:
    return closures.called(_work(FUNCTIONS[node.name], node), _arguments(node), node.offset)


def _arguments(node: tree.Filter | tree.Call) -> list[Run]:
    return [build(arg) for arg in (*node.args, *(arg for _, arg in node.named))]


def _work(known: Builtin, node: tree.Filter | tree.Call) -> Callable[..., Any]:
    names = [name for name, _ in node.named]
    if not names:
        return known.run
    run, count = known.run, -len(names)
    return lambda *operands: run(*operands[:count], **dict(zip(names, operands[count:], strict=True)))


def _is(node: tree.Is) -> Run:
    lenient = node.name in ("defined", "undefined")
    value = build_lenient(node.value) if lenient else build(node.value)
    return closures.applied(TESTS[node.name], value, node.offset)


_BUILDERS: Final[dict[type, Callable[[Any], Run]]] = {
    tree.Literal: _literal,
    tree.Items: _items,
    tree.Fields: _fields,
    tree.Name: _name,
    tree.Path: _path,
    tree.Chain: _chain,
    tree.Join: _join,
    tree.Compare: _compare,
    tree.Logic: _logic,
    tree.Not: _not,
    tree.Sign: _sign,
    tree.Choose: _choose,
    tree.Filter: _filter,
    tree.Call: _call,
    tree.Is: _is,
}
