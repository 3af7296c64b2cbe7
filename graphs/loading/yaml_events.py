"""YAML 1.2 text as events, with ruamel.yaml's parser; its errors in plain words.

Only its parser is used: what a scalar means is decided in `scalars.py`, so no tag and no Python object can come of it.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml import events as ruamel
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from graphs.loading.nodes import Event, Fault, Span, TextFaultError


def yaml_events(text: str) -> Iterator[Event]:
    """The events of the one document a text holds; none when the text is empty.

    Raises:
        TextFaultError: It is not YAML, or holds a second document.
    """
    documents = 0
    for event in _parsed(text):
        if isinstance(event, ruamel.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _second_document(event.start_mark)
        elif (ours := _translated(event)) is not None:
            yield ours


def _parsed(text: str) -> Iterator[Any]:
    mark = None
    try:
        # A YAML object is cheap and keeps state, so every text gets one of its own.
        for event in YAML(typ="safe", pure=True).parse(text):
            mark = event.end_mark
            yield event
    except MarkedYAMLError as error:
        raise _in_plain_words(error) from None
    except (ValueError, OverflowError):
        # `"\UFFFFFFFF"`: chr() refuses inside ruamel.yaml's scanner.
        message = "an escape after this place names a character that does not exist."
        raise TextFaultError(_fault(message, "Write the character itself.", mark), 0) from None
    except YAMLError as error:
        raise TextFaultError(_fault(f"the text is not YAML: {error}.", None, mark), 0) from None


def _translated(event: Any) -> Event | None:
    span = _span(event)
    match event:
        case ruamel.ScalarEvent():
            return Event("scalar", span, event.value, bool(event.style), event.anchor, _tag(event))
        case ruamel.SequenceStartEvent():
            return Event("list", span, anchor=event.anchor, tag=_tag(event))
        case ruamel.MappingStartEvent():
            return Event("map", span, anchor=event.anchor, tag=_tag(event))
        case ruamel.SequenceEndEvent() | ruamel.MappingEndEvent():
            return Event("end", span)
        case ruamel.AliasEvent():
            return Event("alias", span, event.anchor)
    return None


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(start.line + 1, start.column + 1, start.index, end.index)


def _tag(event: Any) -> str | None:
    return None if event.tag is None else str(event.tag).replace("tag:yaml.org,2002:", "!!")


def _second_document(mark: Any) -> TextFaultError:
    fault = Fault(
        "several_documents",
        "the text holds several documents, and the second begins here.",
        "Keep one workflow in a file.",
        mark.line + 1,
        mark.column + 1,
    )
    return TextFaultError(fault, mark.index)


def _in_plain_words(error: MarkedYAMLError) -> TextFaultError:
    problem = str(error.problem or error.context or "it cannot be read")
    mark, context = error.problem_mark, error.context_mark
    for pattern, describe in _SENTENCES:
        if found := re.search(pattern, problem):
            code, message, hint = describe(found, context.line + 1 if context else None)
            # An open quote or bracket is best looked for where it was opened.
            where = context if "{at_opening}" in message and context else mark
            fault = _fault(message.replace("{at_opening}", ""), hint, where, code)
            return TextFaultError(fault, mark.index if mark else 0)
    return TextFaultError(_fault(f"the text is not YAML here: {problem}.", None, mark), mark.index if mark else 0)


def _fault(message: str, hint: str | None, mark: Any, code: str = "yaml_syntax") -> Fault:
    return Fault(code, message, hint, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1)


_Sentence = tuple[str, str, str | None]


def _tab(_found: re.Match[str], _line: int | None) -> _Sentence:
    return "yaml_tab", "a tab stands where YAML takes spaces only.", "Replace it by spaces."


def _no_beginning(found: re.Match[str], _line: int | None) -> _Sentence:
    return "yaml_syntax", f"a text without quotes cannot begin with {found[1]}.", "Put the text in quotes."


def _stray_colon(_found: re.Match[str], _line: int | None) -> _Sentence:
    hint = "If it is part of a text, put the text in quotes; if it ends a key, look at how this line is indented."
    return "yaml_syntax", "a ':' stands where no key can end.", hint


def _misfit(_found: re.Match[str], line: int | None) -> _Sentence:
    began = f" that begins at line {line}" if line else ""
    return (
        "yaml_indentation",
        f"this does not fit into the list or mapping{began}.",
        "Indent it as its neighbours are, and look for a missing ':' or '-' just before it.",
    )


def _unclosed(found: re.Match[str], line: int | None) -> _Sentence:
    began = f" opened at line {line}" if line else ""
    return (
        "yaml_syntax",
        f"the '{'[' if found[1] == ']' else '{'}'{began} is not closed, or a comma is missing before this.",
        f"Write the ',' or the '{found[1]}'; put texts that hold brackets or commas in quotes.",
    )


def _no_colon(_found: re.Match[str], _line: int | None) -> _Sentence:
    return "yaml_syntax", "a ':' is missing after this key.", "Write `key: value`, or `- ` for an item of a list."


def _open_quote(_found: re.Match[str], _line: int | None) -> _Sentence:
    return "yaml_syntax", "{at_opening}the quote opened here is never closed.", "Write the closing quote."


def _bad_escape(found: re.Match[str], _line: int | None) -> _Sentence:
    hint = "Write the backslash twice, or use single quotes: they have no escapes."
    return "yaml_syntax", f"a backslash and {found[1]} are no escape in double quotes.", hint


def _more(_found: re.Match[str], _line: int | None) -> _Sentence:
    return "yaml_syntax", "the value ended before this, and the text goes on.", "Remove the rest, or make it a key."


_SENTENCES: list[tuple[str, Callable[[re.Match[str], int | None], _Sentence]]] = [
    (r"found character '\\t'", _tab),
    (r"found character (.+) that cannot start any token", _no_beginning),
    (r"mapping values are not allowed", _stray_colon),
    (r"expected <block end>|sequence entries are not allowed|mapping keys are not allowed", _misfit),
    (r"expected ',' or '(.)'", _unclosed),
    (r"could not find expected ':'", _no_colon),
    (r"found unexpected end of stream|found unexpected document separator", _open_quote),
    (r"expected '<document start>'", _more),
    (r"found unknown escape character (.+)", _bad_escape),
]
