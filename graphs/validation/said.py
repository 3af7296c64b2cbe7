"""How problems of expressions are told: with the text they stand in, and the character of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from graphs.loading.findings import Findings, Severity
from graphs.loading.places import Place
from graphs.loading.words import shown


class At(Protocol):
    """Where in a value something is: in which text of it, and at which character."""

    @property
    def offset(self) -> int | None: ...

    @property
    def at(self) -> Sequence[str | int]: ...


class Said:
    """One value with expressions in it, and its place."""

    def __init__(self, place: Place, value: Any) -> None:
        self.place = place
        self.value = value

    def add(
        self,
        findings: Findings,
        code: str,
        words: str,
        hint: str | None,
        at: At,
        *,
        severity: Severity = "error",
    ) -> None:
        """Add a problem: `step 'ask', condition 'steps.look_up.output.totl > 100': …`."""
        place = self.place.at(*at.at)
        text = self.text(at.at)
        sentence = f"{place} {shown(_part(text, at.offset))}: {words}" if isinstance(text, str) else f"{place}: {words}"
        findings.add_sentence(code, place, sentence, hint, severity=severity, offset=at.offset)

    def text(self, path: Sequence[str | int]) -> Any:
        """The text at a path inside the value."""
        value = self.value
        for key in path:
            value = value[key]
        return value

    def path_of(self, pointer: str) -> tuple[str | int, ...]:
        """A JSON pointer into the value as keys and indexes."""
        value, path = self.value, list[str | int]()
        for part in pointer.split("/")[1:]:
            key: str | int = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(value, Mapping):
                key = int(key)
            value = value[key]
            path.append(key)
        return tuple(path)


def _part(text: str, offset: int | None) -> str:
    """Of a text with several expressions, the one that is meant."""
    if offset is None or text.count("{{") < 2:
        return text
    begin = max(text.rfind("{{", 0, offset + 2), 0)
    end = text.find("}}", offset)
    return text[begin : end + 2 if end >= 0 else len(text)]


def texts_in(value: Any, part: str, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Paths to the texts in a value that hold a part."""
    if isinstance(value, str):
        if part in value:
            yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_in(item, part, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from texts_in(item, part, (*path, index))
