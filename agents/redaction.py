"""Keeping what was revealed for a call out of what comes back from it.

A service may echo the key it was sent, in an error or in an honest answer; so may a function or a tool. All of it is
kept in the open, so every secret that went out is replaced by `***` in what comes in.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

from graphs.errors import StepError
from graphs.expressions import Secret, reveal
from graphs.expressions.secret import MASK
from graphs.policies import as_step_error

SHORTEST = 4
"""Shorter secrets are not searched for: masking every `1` would ruin the answer and hide nothing."""


class Redaction:
    """Replaces known secrets, and the forms they travel in, by `***`."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        """Args:
        values: JSON values; the secrets anywhere in them are the ones looked for.
        """
        plain = {text for value in values for text in _secret_texts(value) if len(text) >= SHORTEST}
        forms = {form for text in plain for form in _forms(text)}
        # The longest first: one secret may be the beginning of another.
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, MASK)
        return text

    def value(self, value: Any) -> Any:
        """The JSON value with secrets replaced in every text and key; the same object when there are none."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    @contextmanager
    def of_errors(self) -> Iterator[None]:
        """While something is called with the secrets: whatever it raises does not tell them."""
        try:
            yield
        except Exception as error:
            if not self._forms:
                raise
            raise self._error(as_step_error(error)) from None

    def _error(self, error: StepError) -> StepError:
        return StepError(
            self.text(error.message),
            category=error.category,
            retryable=error.retryable,
            retry_after=error.retry_after,
            code=error.code,
            hint=self.text(error.hint) if error.hint else None,
            **self.value(error.details),
        )


def _secret_texts(value: Any) -> Iterator[str]:
    if type(value) is Secret:
        yield from _texts(reveal(value))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secret_texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secret_texts(item)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _forms(text: str) -> Iterator[str]:
    escaped = text
    yield text
    yield quote(text, safe="")
    yield quote_plus(text)
    for _ in range(2):  # twice: JSON is quoted inside JSON, as in an error about a request
        escaped = json.dumps(escaped)[1:-1]
        yield escaped
    yield base64.b64encode(text.encode("utf-8", "replace")).decode()
