"""Secret: a value that may be worked with but not seen.

A secret taints what it touches: an operator or a filter over it gives a `Secret` again, and so does a text it
became part of. Whoever logs, stores or shows a value shows `***`. The plain value comes out in one place only,
`reveal`, which is called where the value is used (the HTTP request, the model call), never earlier.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn, final

from graphs.expressions.faults import fault
from graphs.expressions.limits import MAX_DATA_DEPTH

MASK: Final = "***"


@final
class Secret:
    """An opaque value. Equal only to itself, so comparing cannot guess it; not iterable, not JSON, not picklable."""

    __slots__ = ("__plain",)

    def __init__(self, plain: Any) -> None:
        self.__plain = plain

    def __repr__(self) -> str:
        return MASK

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _memo: object) -> "Secret":
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret cannot be serialised; keep the reference to it, and reveal it where it is used")

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        self.__getstate__()

    def _take_out(self) -> Any:
        # For `reveal` only; private so that every use of a plain secret is a call of one searchable name.
        return self.__plain


class SecretMetError(Exception):
    """A plain value was needed and a secret stood there. Private to this package: who catches it lifts the work
    over the secret (does it on the plain values and wraps the result), so ordinary values pay nothing for taint."""


def reveal(value: Any) -> Any:
    """The value with every secret in it replaced by its plain value. Only for the place where it is used.

    What holds no secret is returned as it is, not copied.

    Raises:
        ExpressionError: `data_too_deep`.
    """
    return _replaced(value, masked=False, depth=0)


def mask(value: Any) -> Any:
    """The value with every secret in it replaced by `***`, to show or to log. Never raises.

    What holds no secret is returned as it is, not copied.
    """
    return _replaced(value, masked=True, depth=0)


def contains_secret(value: Any) -> bool:
    """Whether a secret stands anywhere in the value."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if type(one) is Secret:
            return True
        waiting.extend(_inside(one))
    return False


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def _replaced(value: Any, *, masked: bool, depth: int) -> Any:
    if type(value) is Secret:
        return MASK if masked else _replaced(value._take_out(), masked=False, depth=depth + 1)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth > MAX_DATA_DEPTH:
        if masked:
            return MASK  # A log line must come out, and what was not looked at must not.
        raise fault("data_too_deep", f"the value is nested more than {MAX_DATA_DEPTH} deep.", "Make it flatter.")
    if isinstance(value, Mapping):
        items = {key: _replaced(item, masked=masked, depth=depth + 1) for key, item in value.items()}
        same = all(items[key] is item for key, item in value.items()) if isinstance(value, dict) else False
        return value if same else items
    entries = [_replaced(item, masked=masked, depth=depth + 1) for item in value]
    return value if all(new is old for new, old in zip(entries, value, strict=True)) else entries
