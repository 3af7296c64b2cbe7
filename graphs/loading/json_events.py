"""JSON text as events.

YAML 1.2 is nearly a superset of JSON, but ruamel.yaml's parser stops at tabs, at keys longer than 1,024 characters
and at keys that end on another line; and this is about twenty times as fast.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator

from graphs.loading.nodes import Event, Fault, Span, TextFaultError

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")
      | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![0-9A-Za-z_.+-])
      | (?P<word>true|false|null)(?![0-9A-Za-z_])
      | (?P<mark>[\[\]{},:])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_CLOSES = {"{": "}", "[": "]"}


def json_events(text: str) -> Iterator[Event]:
    """The events of a JSON text.

    Raises:
        TextFaultError: It is not JSON.
    """
    reader = _Reader(text)
    yield from reader.values()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = [0, *(found.end() for found in re.finditer(r"\n", text))]
        self._at = 0

    def values(self) -> Iterator[Event]:
        """One value, with everything in it; a stack instead of recursion, so depth is the tree's business."""
        open_: list[str] = []
        yield from self._value(open_)
        while open_:
            kind, token, span = self._next()
            if token == _CLOSES[open_[-1]]:
                open_.pop()
                yield Event("end", span)
            elif token == ",":
                yield from self._entry(open_)
            else:
                raise self._fault(span, f"',' or '{_CLOSES[open_[-1]]}' was to come, not {_shown(kind, token)}")
        kind, token, span = self._next()
        if kind != "end":
            raise self._fault(span, f"the text was to end here, and goes on with {_shown(kind, token)}")

    def _entry(self, open_: list[str]) -> Iterator[Event]:
        if open_[-1] == "{":
            yield from self._key()
        yield from self._value(open_)

    def _key(self) -> Iterator[Event]:
        kind, token, span = self._next()
        if kind != "string":
            raise self._fault(span, f"a key in double quotes was to come, not {_shown(kind, token)}")
        yield self._scalar(kind, token, span)
        kind, token, span = self._next()
        if token != ":":
            raise self._fault(span, f"':' was to come after the key, not {_shown(kind, token)}")

    def _value(self, open_: list[str]) -> Iterator[Event]:
        kind, token, span = self._next()
        if kind in ("string", "number", "word"):
            yield self._scalar(kind, token, span)
        elif token in _CLOSES:
            yield Event("map" if token == "{" else "list", span)
            before = self._at
            _, following, end = self._next()
            if following == _CLOSES[token]:
                yield Event("end", end)
                return
            self._at = before
            open_.append(token)
            yield from self._entry(open_)
        else:
            raise self._fault(span, f"a value was to come, not {_shown(kind, token)}")

    def _scalar(self, kind: str, token: str, span: Span) -> Event:
        if kind != "string":
            return Event("scalar", span, token)
        try:
            return Event("scalar", span, json.loads(token), quoted=True)
        except ValueError:
            raise self._fault(span, f"the text {_shown(kind, token)} holds an escape that JSON does not know") from None

    def _next(self) -> tuple[str, str, Span]:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            blank = re.compile(r"[ \t\r\n]*").match(self._text, self._at)
            start = blank.end() if blank else self._at
            span = self._span(start, start + 1)
            raise self._fault(span, f"{self._text[start : start + 12].splitlines()[0]!r} begins no JSON value")
        self._at = found.end()
        kind = str(found.lastgroup)
        return kind, found[kind], self._span(found.start(kind), found.end(kind))

    def _span(self, start: int, end: int) -> Span:
        line = bisect_right(self._lines, start)
        return Span(line, start - self._lines[line - 1] + 1, start, end)

    def _fault(self, span: Span, message: str) -> TextFaultError:
        fault = Fault("json_syntax", f"the text is not JSON here: {message}.", _HINT, span.line, span.column)
        return TextFaultError(fault, span.start)


_HINT = "Look for a missing comma, quote or bracket just before this place."


def _shown(kind: str, token: str) -> str:
    if kind == "end":
        return "the end of the text"
    return repr(token if len(token) <= 24 else token[:24] + "…")
