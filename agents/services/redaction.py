"""Keeping what was revealed for a call out of what comes back from it.

A service may echo the key it was sent, in an error or in an honest answer; so may a function or a tool. All of it is
kept in the open, so every secret that went out is replaced by `***` in what comes in.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from traceback import format_exc
from typing import Any
from urllib.parse import quote, quote_plus

from graphs.errors import InputError, StepError
from graphs.expressions import Secret, mask, reveal
from graphs.expressions.secret import MASK
from graphs.policies import as_step_error
from graphs.spec import Step
from graphs.steps import Logger, StepContext
from graphs.values import json_value, leaves

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

    def hidden(self, value: Any) -> Any:
        """The JSON value with every text that tells a secret made opaque: it can still be used, and not be read."""
        if isinstance(value, str):
            return value if self.text(value) == value else Secret(value)
        if isinstance(value, Mapping):
            return {self.text(key): self.hidden(item) for key, item in value.items()}
        return [self.hidden(item) for item in value] if isinstance(value, list | tuple) else value

    def context(self, context: StepContext) -> StepContext:
        """The context for code that is handed the secrets: what it tells by way of it is kept without them."""
        if not self._forms:
            return context

        async def keep_effect(told: StepContext, undo: Any, *, result: Any, **more: Any) -> None:
            if context.keep_effect is not None:
                if isinstance(undo, Step):
                    said = undo.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
                    undo = {**said, "type": undo.type}
                await context.keep_effect(told, self.hidden(undo), result=self.value(json_value(result)), **more)

        return replace(
            context,
            log=_QuietLog(context.log, self),
            note=lambda kind, data: context.note(kind, self.value(json_value(dict(data)))),
            progress=lambda data: context.progress(self.value(json_value(data))),
            keep_effect=keep_effect,
        )

    async def late(self, value: Any) -> Any:
        """What a call gave that came back when its step's time was over, as it may be kept."""
        return self.shown(value)

    def shown(self, value: Any) -> Any:
        """Anything at all, as a log may show it."""
        try:
            return self.value(json_value(mask(value)))
        except InputError:
            return self.text(repr(value))

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


class _QuietLog:
    """A logger for code that knows secrets in plain."""

    def __init__(self, log: Logger, redaction: Redaction) -> None:
        self._log = log
        self._redaction = redaction

    def bind(self, **values: Any) -> "_QuietLog":
        return _QuietLog(self._log.bind(**self._without(values)), self._redaction)

    def debug(self, event: str, **values: Any) -> Any:
        return self._log.debug(self._redaction.text(event), **self._without(values))

    def info(self, event: str, **values: Any) -> Any:
        return self._log.info(self._redaction.text(event), **self._without(values))

    def warning(self, event: str, **values: Any) -> Any:
        return self._log.warning(self._redaction.text(event), **self._without(values))

    def error(self, event: str, **values: Any) -> Any:
        return self._log.error(self._redaction.text(event), **self._without(values))

    def _without(self, values: dict[str, Any]) -> dict[str, Any]:
        if values.pop("exc_info", None):  # its text would be made only later, past us
            values["exception"] = format_exc()
        return {name: self._redaction.shown(value) for name, value in values.items()}


def _secret_texts(value: Any) -> Iterator[str]:
    for leaf in leaves(value):
        if type(leaf) is Secret:
            inside = leaves(reveal(leaf))
            yield from (str(one) for one in inside if one is not None and not isinstance(one, bool))


def _forms(text: str) -> Iterator[str]:
    escaped = text
    yield text
    yield quote(text, safe="")
    yield quote_plus(text)
    for _ in range(2):  # twice: JSON is quoted inside JSON, as in an error about a request
        escaped = json.dumps(escaped)[1:-1]
        yield escaped
    yield base64.b64encode(text.encode("utf-8", "replace")).decode()
