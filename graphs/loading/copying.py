"""Values from a caller as our own: plain dictionaries and lists, of a bounded size, free of circles."""

from collections.abc import Mapping
from typing import Any

from graphs.loading.scalars import ScalarError, json_scalar
from graphs.loading.tree import MAX_DEPTH, MAX_NODES


class UnusableError(Exception):
    """The values cannot be a definition.

    Args:
        code: A stable word for machines.
        message: Why, as a sentence.
        hint: What to do next.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def plain_copy(value: Any) -> Any:
    """A copy in which lists and mappings are new, and everything else is what it was.

    Raises:
        UnusableError: it is too large or too deep, or has keys that are no text.
    """
    return _Copier().copy(value, 1)


class _Copier:
    def __init__(self) -> None:
        self._left = MAX_NODES

    def copy(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            message = f"The definition has more than {MAX_NODES:,} values."
            raise UnusableError("definition_too_large", message, "Move parts of it into workflows of their own.")
        if isinstance(value, Mapping | list | tuple) and depth > MAX_DEPTH:
            message = f"The definition is nested more than {MAX_DEPTH} deep."
            raise UnusableError("definition_too_deep", message, "Move the inner part into a workflow of its own.")
        if isinstance(value, Mapping):
            return {self._key(key): self.copy(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.copy(item, depth + 1) for item in value]
        return self._scalar(value)

    def _scalar(self, value: Any) -> Any:
        try:
            return json_scalar(value)
        except ScalarError as error:
            message = f"{str(error)[:1].upper()}{str(error)[1:]}."
            raise UnusableError("bad_scalar", message, "Give another value, or the number as text.") from None

    def _key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise UnusableError("key_not_text", f"The key {key!r} is not text.", "Put it in quotes.")
        return key
