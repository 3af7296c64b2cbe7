"""Regular expressions for data from outside: found in linear time or not accepted at all.

Python's `re` goes back and forth: `^(a+)+$` keeps it busy for ever with forty characters, the whole event loop with
it. Pydantic's core carries Rust's engine, which never does; it knows no look-around and no back-references.
"""

from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from graphs.errors import StepError


class Pattern:
    """A regular expression. Use `Pattern.of`, which keeps those that were used lately."""

    def __init__(self, text: str) -> None:
        """Raises:
        StepError: `pattern_invalid`: it is none, or needs what linear time cannot give.
        """
        self.text = text
        try:
            self._adapter = TypeAdapter(Annotated[str, StringConstraints(pattern=text)])
        except SchemaError as error:
            reason = str(error).strip().splitlines()[-1].removeprefix("error: ")
            raise StepError(
                f"pattern {text[:100]!r} cannot be used: {reason}.",
                category="validation",
                code="pattern_invalid",
                hint="Look-around and back-references are not known; write several patterns instead.",
            ) from None

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


@lru_cache(maxsize=256)
def _cached(text: str) -> Pattern:
    return Pattern(text)
