"""From a tree back to source: one way of writing it, which reads back as the same tree."""

import re
from typing import Final

from graphs.expressions import tree
from graphs.expressions.expression import Expression

# How tightly each part binds, after Jinja2's grammar. A part is put in parentheses where something tighter is needed.
_CHOOSE: Final = 0
_OR: Final = 1
_AND: Final = 2
_NOT: Final = 3
_COMPARE: Final = 4
_SUM: Final = 5
_JOIN: Final = 6
_PRODUCT: Final = 7
_SIGN: Final = 8
_FILTER: Final = 9
_PATH: Final = 10

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES: Final = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def unparse(expression: Expression) -> str:
    """The expression written out with the fewest parentheses.

    It reads back as the same expression, unless the spelling out of special characters makes it longer than one may be.
    """
    return _write(expression.tree, _CHOOSE)


def _write(node: tree.Node, needed: int) -> str:
    text, binds = _written(node)
    return text if binds >= needed else f"({text})"


def _written(node: tree.Node) -> tuple[str, int]:
    match node:
        case tree.Choose(test=test, then=then, otherwise=otherwise):
            # Jinja2 would take the `if` after `x is none` for something that is tested.
            parts = _write(then, _COMPARE), _write(test, _OR), _write(otherwise, _CHOOSE)
            return "{} if {} else {}".format(*parts), _CHOOSE
        case tree.Logic(word=word, parts=parts_):
            binds = _OR if word == "or" else _AND
            return f" {word} ".join(_write(part, binds + 1) for part in parts_), binds
        case tree.Not(operand=operand):
            return f"not {_write(operand, _NOT)}", _NOT
        case tree.Is(value=value, name=name):
            # It binds like a filter, but nothing may follow it except `and`, `or` and `else`.
            return f"{_write(value, _SIGN)} is {name}", _NOT
        case tree.Compare(first=first, rest=compared):
            tail = "".join(f" {symbol} {_write(part, _SUM)}" for symbol, part in compared)
            return _write(first, _SUM) + tail, _COMPARE
        case tree.Chain(first=first, rest=chained):
            binds = _SUM if chained[0][0] in ("+", "-") else _PRODUCT
            tail = "".join(f" {symbol} {_write(part, binds + 1)}" for symbol, part in chained)
            return _write(first, binds + 1) + tail, binds
        case tree.Join(parts=parts_):
            return " ~ ".join(_write(part, _PRODUCT) for part in parts_), _JOIN
        case tree.Sign(sign=sign, operand=operand):
            return f"{sign}{_write(operand, _PATH)}", _SIGN
        case _:
            return _tight(node)


def _tight(node: tree.Node) -> tuple[str, int]:
    """The parts that bind tighter than any operator."""
    match node:
        case tree.Filter(value=value, name=name, args=args, named=named):
            arguments = _arguments(args, named)
            return f"{_write(value, _SIGN)}|{name}" + (f"({arguments})" if arguments else ""), _FILTER
        case tree.Call(name=name, args=args, named=named):
            return f"{name}({_arguments(args, named)})", _PATH
        case tree.Path(base=base, keys=keys):
            return _write(base, _PATH) + "".join(map(_key, keys)), _PATH
        case tree.Name(name=name):
            return name, _PATH
        case tree.Items(items=items):
            return f"[{', '.join(_write(item, _CHOOSE) for item in items)}]", _PATH
        case tree.Fields(pairs=pairs):
            written = (f"{_write(key, _CHOOSE)}: {_write(value, _CHOOSE)}" for key, value in pairs)
            return f"{{{', '.join(written)}}}", _PATH
        case tree.Literal(value=literal):
            return _literal(literal)
        case _:
            raise AssertionError(f"{type(node).__name__} is written by _written")


def _arguments(args: tuple[tree.Node, ...], named: tuple[tuple[str, tree.Node], ...]) -> str:
    return ", ".join([_write(arg, _CHOOSE) for arg in args] + [f"{name}={_write(arg, _CHOOSE)}" for name, arg in named])


def _key(key: tree.Node) -> str:
    if isinstance(key, tree.Literal) and isinstance(key.value, str) and _PLAIN_KEY.fullmatch(key.value):
        return f".{key.value}"
    return f"[{_write(key, _CHOOSE)}]"


def _literal(value: bool | int | float | str | None) -> tuple[str, int]:
    if value is None:
        return "none", _PATH
    if isinstance(value, bool):
        return str(value).lower(), _PATH
    if isinstance(value, str):
        return f"'{''.join(_ESCAPES.get(one, one if one.isprintable() else _escaped(one)) for one in value)}'", _PATH
    return repr(value), _SIGN if repr(value).startswith("-") else _PATH


def _escaped(one: str) -> str:
    code = ord(one)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
