"""`{{ … }}` without quotes: what was meant as a text, and the text with the quotes put in."""

import re

from graphs.loading.nodes import Fault, Span

MAX_REPAIRED = 50_000
"""Characters of a text that is read again with quotes put in."""

_BEFORE_VALUE = re.compile(r"[ ]*(?:- +)*(?:[\w.-]+|'[^']*'|\"[^\"]*\") *: +|[ ]*(?:- +)+")


def with_quotes(text: str, fault: Fault) -> str | None:
    """The text with quotes around the rest of a line, when the line is `key: {{ … }}…` or `- {{ … }}…`."""
    if len(text) > MAX_REPAIRED:
        return None
    start = sum(len(line) + 1 for line in text.split("\n")[: fault.line - 1]) + fault.column - 1
    source, is_all = unquoted(text, Span(fault.line, fault.column, start, start))
    quoted = source.replace("'", "''")
    return f"{text[:start]}'{quoted}'{text[start + len(source) :]}" if is_all else None


def unquoted(text: str, braces: Span) -> tuple[str, bool]:
    """What was meant as a text where `{{` stands, and whether that is the whole of the text.

    Behind `key: ` and `- ` it is the rest of the line. In a mapping or list with braces or brackets of its own nobody
    can say where the text was to begin and to end, so only the expression is given.
    """
    begin = text.rfind("\n", 0, braces.start) + 1
    end = text.find("\n", braces.start)
    line = text[braces.start : end if end >= 0 else len(text)]
    if _BEFORE_VALUE.fullmatch(text, begin, braces.start):
        return re.sub(r"\s+#.*$", "", line).rstrip(), True
    found = re.match(r"\{\{.*?\}\}", line)
    return (found[0] if found else line.rstrip()), False
