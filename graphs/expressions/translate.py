"""Jinja2's parse tree to ours: every kind of node is named here, and whatever is not named is refused."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import nodes

from graphs.errors import ExpressionError
from graphs.expressions import tree
from graphs.expressions.faults import fault, listing, nearest, quoted
from graphs.expressions.filters import FILTERS
from graphs.expressions.functions import FUNCTIONS
from graphs.expressions.limits import MAX_DEPTH, MAX_NODES
from graphs.expressions.predicates import TESTS
from graphs.expressions.signature import Builtin
from graphs.expressions.syntax import too_big, too_deep

_SUMS: Final[dict[type, tree.Operator]] = {nodes.Add: "+", nodes.Sub: "-"}
_PRODUCTS: Final[dict[type, tree.Operator]] = {
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
}
_COMPARISONS: Final[dict[str, tree.Comparison]] = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}
_REFUSED: Final[dict[type, tuple[str, str]]] = {
    nodes.Pow: ("'**' is not part of the language.", "Powers grow without bound; multiply instead."),
    nodes.Slice: ("'[a:b]' is not part of the language.", "Use |slice(a, b)."),
    nodes.Tuple: ("'(a, b)' is not part of the language.", "Write a list: [a, b]."),
}


def translate(parsed: nodes.Expr) -> tree.Node:
    """Our tree for one of Jinja2's.

    Raises:
        ExpressionError: It uses something the language does not have, or is past `MAX_DEPTH` or `MAX_NODES`.
    """
    return _Translator().node(parsed, 1)


class _Translator:
    def __init__(self) -> None:
        self._count = 0
        kinds: dict[type, Callable[[Any, int], tree.Node]] = {
            nodes.Const: self._literal,
            nodes.List: self._items,
            nodes.Dict: self._fields,
            nodes.Name: self._name,
            nodes.Getattr: self._path,
            nodes.Getitem: self._path,
            nodes.Concat: self._join,
            nodes.Compare: self._compare,
            nodes.Not: self._not,
            nodes.Neg: self._sign,
            nodes.Pos: self._sign,
            nodes.And: self._logic,
            nodes.Or: self._logic,
            nodes.CondExpr: self._choose,
            nodes.Filter: self._filter,
            nodes.Call: self._call,
            nodes.Test: self._is,
        }
        for operator in (*_SUMS, *_PRODUCTS):
            kinds[operator] = self._chain
        self._kinds = kinds

    def node(self, parsed: nodes.Node, depth: int) -> tree.Node:
        self._count += 1
        if self._count > MAX_NODES:
            raise too_big()
        if depth > MAX_DEPTH:
            raise too_deep(parsed.lineno)
        make = self._kinds.get(type(parsed))
        if make is None:
            raise _refused(parsed)
        return make(parsed, depth + 1)

    def _nodes(self, parsed: list[nodes.Expr], depth: int) -> tuple[tree.Node, ...]:
        return tuple(self.node(part, depth) for part in parsed)

    def _literal(self, parsed: nodes.Const, _depth: int) -> tree.Node:
        return tree.Literal(parsed.value, parsed.lineno)

    def _items(self, parsed: nodes.List, depth: int) -> tree.Node:
        return tree.Items(self._nodes(parsed.items, depth), parsed.lineno)

    def _fields(self, parsed: nodes.Dict, depth: int) -> tree.Node:
        pairs = [(self.node(pair.key, depth), self.node(pair.value, depth)) for pair in parsed.items]
        for key, _ in pairs:
            if isinstance(key, tree.Literal) and not isinstance(key.value, str):
                raise fault("wrong_kind", "the key of an object must be text.", "Put it in quotes.", key.offset)
        return tree.Fields(tuple(pairs), parsed.lineno)

    def _name(self, parsed: nodes.Name, _depth: int) -> tree.Node:
        if parsed.name == "null":
            # Jinja2's own word is `none`; whoever thinks in JSON writes `null`, and no root is called so.
            return tree.Literal(None, parsed.lineno)
        if parsed.name in FUNCTIONS:
            raise fault(
                "unsupported_syntax",
                f"{parsed.name!r} is a function and has to be called.",
                f"Write {parsed.name}(…).",
                parsed.lineno,
            )
        return tree.Name(parsed.name, parsed.lineno)

    def _path(self, parsed: nodes.Getattr | nodes.Getitem, depth: int) -> tree.Node:
        keys: list[tree.Node] = []
        base: nodes.Node = parsed
        while isinstance(base, nodes.Getattr | nodes.Getitem):
            keys.append(self._key(base, depth))
            base = base.node
        start = self.node(base, depth)
        if isinstance(start, tree.Literal | tree.Call) or (isinstance(start, tree.Items) and _is_text(keys[-1])):
            # No path leads into these; saying so now stops `''.__class__` when the definition is published.
            raise fault("wrong_kind", "a value written out has no fields.", "Begin with a name.", start.offset)
        return tree.Path(start, tuple(reversed(keys)), start.offset)

    def _key(self, parsed: nodes.Getattr | nodes.Getitem, depth: int) -> tree.Node:
        if isinstance(parsed, nodes.Getattr):
            self._count += 1
            return tree.Literal(parsed.attr, parsed.lineno + 1)  # After the dot.
        key = self.node(parsed.arg, depth)
        if isinstance(key, tree.Literal) and (isinstance(key.value, bool) or not isinstance(key.value, str | int)):
            raise fault(
                "wrong_kind", "a key must be text or a whole number.", "Write ['name'] or [0].", parsed.arg.lineno
            )
        return key

    def _chain(self, parsed: nodes.BinExpr, depth: int) -> tree.Node:
        # Left-deep trees of one precedence become flat, without recursion: `a + b + c` is one level, however long.
        operators = _SUMS if type(parsed) in _SUMS else _PRODUCTS
        rest: list[tuple[tree.Operator, tree.Node]] = []
        first: nodes.Expr = parsed
        while type(first) in operators and isinstance(first, nodes.BinExpr):
            rest.append((operators[type(first)], self.node(first.right, depth)))
            first = first.left
        start = self.node(first, depth)
        return tree.Chain(start, tuple(reversed(rest)), start.offset)

    def _join(self, parsed: nodes.Concat, depth: int) -> tree.Node:
        parts = self._nodes(parsed.nodes, depth)
        return tree.Join(parts, parts[0].offset)

    def _compare(self, parsed: nodes.Compare, depth: int) -> tree.Node:
        first = self.node(parsed.expr, depth)
        rest = [(_COMPARISONS[operand.op], self.node(operand.expr, depth)) for operand in parsed.ops]
        return tree.Compare(first, tuple(rest), first.offset)

    def _not(self, parsed: nodes.Not, depth: int) -> tree.Node:
        return tree.Not(self.node(parsed.node, depth), parsed.lineno)

    def _sign(self, parsed: nodes.Neg | nodes.Pos, depth: int) -> tree.Node:
        operand = self.node(parsed.node, depth)
        if isinstance(parsed.node, nodes.Const) and type(parsed.node.value) in (int, float):
            number = parsed.node.value
            return tree.Literal(-number if isinstance(parsed, nodes.Neg) else number, parsed.lineno)
        return tree.Sign("-" if isinstance(parsed, nodes.Neg) else "+", operand, parsed.lineno)

    def _logic(self, parsed: nodes.And | nodes.Or, depth: int) -> tree.Node:
        parts: list[tree.Node] = []
        first: nodes.Expr = parsed
        while type(first) is type(parsed) and isinstance(first, nodes.BinExpr):
            parts.append(self.node(first.right, depth))
            first = first.left
        start = self.node(first, depth)
        word: Any = "and" if isinstance(parsed, nodes.And) else "or"
        return tree.Logic(word, (start, *reversed(parts)), start.offset)

    def _choose(self, parsed: nodes.CondExpr, depth: int) -> tree.Node:
        if parsed.expr2 is None:
            raise fault(
                "unsupported_syntax", "'a if b' has no value without an else.", "Write 'a if b else c'.", parsed.lineno
            )
        then = self.node(parsed.expr1, depth)
        return tree.Choose(self.node(parsed.test, depth), then, self.node(parsed.expr2, depth), then.offset)

    def _filter(self, parsed: nodes.Filter, depth: int) -> tree.Node:
        if parsed.node is None:
            raise _refused(parsed)
        known = _lookup(parsed.name, FILTERS, "filter", parsed.lineno)
        value = self.node(parsed.node, depth)
        args, named = self._arguments(parsed, known, depth)
        return tree.Filter(value, parsed.name, args, named, value.offset, parsed.lineno)

    def _call(self, parsed: nodes.Call, depth: int) -> tree.Node:
        target = parsed.node
        if isinstance(target, nodes.Getattr):
            hint = f"Write value|{target.attr}." if target.attr in FILTERS else "Filters are written value|name."
            raise fault("unsupported_syntax", f"{quoted(target.attr)} cannot be called.", hint, target.lineno + 1)
        if not isinstance(target, nodes.Name):
            raise fault("unsupported_syntax", "only functions can be called.", _known(FUNCTIONS), parsed.lineno)
        known = _lookup(target.name, FUNCTIONS, "function", target.lineno)
        args, named = self._arguments(parsed, known, depth)
        return tree.Call(target.name, args, named, target.lineno)

    def _is(self, parsed: nodes.Test, depth: int) -> tree.Node:
        if parsed.name not in TESTS:
            raise _unknown(parsed.name, TESTS, "test", parsed.lineno)
        if parsed.args or parsed.kwargs or parsed.dyn_args or parsed.dyn_kwargs:
            raise fault(
                "wrong_arguments",
                f"test '{parsed.name}' takes nothing after it.",
                f"Put 'x is {parsed.name}' in parentheses to go on after it.",
                parsed.lineno,
            )
        value = self.node(parsed.node, depth)
        return tree.Is(value, parsed.name, value.offset)

    def _arguments(
        self, parsed: nodes.Filter | nodes.Call, known: Builtin, depth: int
    ) -> tuple[tuple[tree.Node, ...], tuple[tuple[str, tree.Node], ...]]:
        if parsed.dyn_args is not None or parsed.dyn_kwargs is not None:
            raise fault(
                "unsupported_syntax",
                "'*' and '**' before an argument are not part of the language.",
                "Write the arguments one by one.",
                parsed.lineno,
            )
        keywords: list[Any] = parsed.kwargs
        known.check(len(parsed.args), [keyword.key for keyword in keywords], parsed.lineno)
        named = tuple((keyword.key, self.node(keyword.value, depth)) for keyword in keywords)
        return self._nodes(parsed.args, depth), named


def _is_text(node: tree.Node) -> bool:
    return isinstance(node, tree.Literal) and isinstance(node.value, str)


def _lookup(name: str, known: Mapping[str, Builtin], what: Any, offset: int) -> Builtin:
    if name not in known:
        raise _unknown(name, known, what, offset)
    return known[name]


def _unknown(name: str, known: Mapping[str, Any], what: Any, offset: int) -> ExpressionError:
    code: Any = f"unknown_{what}"
    return fault(code, f"no {what} {quoted(name)}.", nearest(name, known) or _known(known), offset)


def _known(known: Mapping[str, Any]) -> str:
    return f"Known: {listing(sorted(known))}."


def _refused(parsed: nodes.Node) -> ExpressionError:
    message, hint = _REFUSED.get(type(parsed), ("this is not part of the language.", "Look at the list of operators."))
    return fault("unsupported_syntax", message, hint, parsed.lineno)
