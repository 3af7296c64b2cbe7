"""Regular expressions for data from outside: found in linear time, or not accepted at all.

Python's `re` goes back and forth: `^(a+)+$` keeps it, and the event loop with it, busy for ever with forty
characters. Pydantic's core carries Rust's engine, which never does; it knows no look-around and no back-references.
"""

from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

_SHOWN = 100


class PatternError(ValueError):
    """The text is no regular expression, or one that linear time cannot do; says why, as a clause."""


class Pattern:
    """A regular expression. `Pattern.of` keeps those that were used lately.

    Raises:
        PatternError: it cannot be used.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._adapter = TypeAdapter(Annotated[str, StringConstraints(pattern=text)])
        except SchemaError as error:
            reason = str(error).strip().splitlines()[-1].removeprefix("error: ").rstrip(".")
            raise PatternError(f"the pattern {text[:_SHOWN]!r} cannot be used: {reason}") from None

    @staticmethod
    def of(text: str) -> "Pattern":
        return _cached(text)

    def found_in(self, text: str) -> bool:
        """Whether it occurs anywhere in the text; `^` and `$` tie it to the ends."""
        try:
            self._adapter.validate_python(text)
        except ValidationError:
            return False
        return True


@lru_cache(maxsize=512)
def _cached(text: str) -> Pattern:
    return Pattern(text)
