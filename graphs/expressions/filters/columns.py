"""What list filters look at in each item."""

from typing import Any, Final

from graphs.errors import ExpressionError
from graphs.expressions.arguments import need_list, need_text
from graphs.expressions.faults import fault
from graphs.expressions.frame import Frame
from graphs.expressions.paths import read_key, step_into
from graphs.expressions.values import KIND_WORDS, check_item_count, kind_of

_LEAVE_OUT: Final = "Use |select to leave out what does not fit."
_LONGEST_INDEX: Final = 8


class Column:
    """One `attribute` of every item of a list: a path such as `'address.city'`, or without one the item itself.

    Attributes:
        items: The items, already paid for.
    """

    __slots__ = ("_filter", "_keys", "items")

    def __init__(self, frame: Frame, value: Any, attribute: Any, name: str) -> None:
        self._filter = f"filter '{name}'"
        self._keys = _keys(attribute, self._filter)
        self.items = need_list(value, self._filter)
        frame.charge(len(self.items) * max(len(self._keys), 1))

    def bounded(self) -> "Column":
        """Itself, unless a list as long as this would be too long a result."""
        check_item_count(len(self.items))
        return self

    def read(self, item: Any) -> Any:
        """What the item has there; an error when it has nothing."""
        for key in self._keys:
            # The usual case without a call: tables have thousands of rows.
            item = item[key] if type(item) is dict and key in item else read_key(item, key)
        return item

    def look(self, item: Any) -> Any:
        """What the item has there, or MISSING."""
        for key in self._keys:
            item = step_into(item, key)
        return item

    def comparable(self) -> list[Any]:
        """What is there of every item: all numbers, or all texts."""
        found = [self.read(item) for item in self.items]
        kinds = {kind_of(one) for one in found}
        for one in found:
            if kind_of(one) not in ("number", "text"):
                raise self.unfit("numbers or texts", one)
        if len(kinds) > 1:
            message = f"{self._filter} needs items of one kind, and here are numbers and texts."
            raise fault("wrong_kind", message, _LEAVE_OUT)
        return found

    def unfit(self, wanted: str, found: Any) -> ExpressionError:
        """The error for an item that is of the wrong kind."""
        message = f"{self._filter} needs {wanted}, and one of them is {KIND_WORDS[kind_of(found)]}."
        return fault("wrong_kind", message, _LEAVE_OUT)


def _keys(attribute: Any, who: str) -> list[str | int]:
    if attribute is None:
        return []
    if type(attribute) is int:
        return [attribute]
    parts = need_text(attribute, f"argument 'attribute' of {who}").split(".")
    return [int(part) if _is_index(part) else part for part in parts]


def _is_index(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= _LONGEST_INDEX
