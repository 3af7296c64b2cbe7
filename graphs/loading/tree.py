"""Events to nodes: one document, every value with its place, within a budget.

What does not stop the reading (a key given twice, a tag, a number too large) is noted, and the reading goes on, so
that all of it can be reported at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from graphs.loading.braces import unquoted
from graphs.loading.nodes import Event, Fault, ListNode, MapNode, Node, ScalarNode, Span, TextFaultError
from graphs.loading.scalars import ScalarError, meaning, whole_text

MAX_NODES = 200_000
"""Values in one definition, an aliased one counted each time it stands somewhere: nine lines can make billions."""
MAX_DEPTH = 100

MAX_FAULTS = 50
"""After so many the text is not what it was taken for, and reading on would help nobody."""

_MERGE = "<<"


class Reading(NamedTuple):
    """What came of a text: its value, unless it cannot be read to the end, and what is wrong with it.

    `text` is what was read in the end: the text, or one in which missing quotes were put in to see the rest of it.
    """

    root: Node | None
    faults: list[Fault]
    text: str = ""


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    node: ListNode | MapNode
    anchor: str | None
    key: tuple[Span, str] | None = None
    key_is_due: bool = True
    key_is_merge: bool = False
    braces: bool = False
    inner: Span | None = None
    """The mapping that stands where the first key should: the inner braces of `{{ x }}`."""
    merged: list[tuple[Span, Node]] = field(default_factory=list)


class TreeBuilder:
    """Builds the tree of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._faults: list[Fault] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None
        self._placed = 0
        self._braces: Span | None = None
        """Where `{{` stood last outside quotes: what YAML stumbles over behind it is its fault."""

    def read(self, events: Iterator[Event]) -> Reading:
        """The tree, and what is wrong. Never raises for what the text holds."""
        try:
            for event in events:
                self._take(event)
        except TextFaultError as error:
            last = self._blame_braces(error)
            return Reading(None, [*self._faults, last], self._text)
        if self._root is None or (isinstance(self._root, ScalarNode) and self._root.value is None):
            hint = "A workflow begins with `apiVersion: workflow/v1` and `kind: Workflow`."
            empty = Fault("definition_empty", "the text holds no value.", hint, 1, 1)
            return Reading(None, [*self._faults, empty], self._text)
        return Reading(self._root, self._faults, self._text)

    def _take(self, event: Event) -> None:
        if event.tag is not None and event.tag != "!":
            self._note("tag_refused", event.span, f"the tag {event.tag} is not allowed.", _TAG_HINT)
        if event.kind == "end":
            self._close(event.span)
        elif event.kind == "alias":
            self._place(self._aliased(event), event.span, is_scalar=False)
        elif event.kind == "scalar":
            node = self._scalar(event)
            self._remember(event.anchor, node)
            self._place(node, event.span, is_scalar=True)
        else:
            self._begin(event)

    def _begin(self, event: Event) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise self._too_deep(event.span)
        node = MapNode(event.span) if event.kind == "map" else ListNode(event.span)
        braces = event.kind == "map" and self._text.startswith("{{", event.span.start)
        if braces:
            self._braces = event.span
        self._open.append(_Open(node, event.anchor, braces=braces))

    def _close(self, end: Span) -> None:
        frame = self._open.pop()
        span = frame.node.span._replace(end=end.end)
        node: Node = frame.node
        node.span = span
        if frame.inner is not None and node.size == 1 and not frame.merged:
            node = self._quoted_after_all(span)
        elif isinstance(node, MapNode):
            if frame.inner is not None:
                self._note("key_not_text", frame.inner, "a key must be text.", "Write `key: value`.")
            self._merge(node, frame.merged)
        self._remember(frame.anchor, node)
        self._place(node, span, is_scalar=False)

    def _quoted_after_all(self, span: Span) -> ScalarNode:
        """`{{ x }}` without quotes: read it as the text it was meant to be, so that the rest can be checked."""
        source = self._text[span.start : span.end]
        shown = _short(source)
        self._note(
            "unquoted_expression",
            span,
            f"the expression {shown} is not in quotes, and YAML takes '{{{{' for a mapping.",
            f'Put it in quotes: "{shown}".' if '"' not in shown else f"Put it in quotes: '{shown}'.",
        )
        return ScalarNode(span, source, source, quoted=True)

    def _scalar(self, event: Event) -> ScalarNode:
        value: str | int | float | bool | None
        try:
            value = whole_text(event.raw) if event.quoted or event.tag else meaning(event.raw)
        except ScalarError as error:
            self._note("bad_scalar", event.span, f"{error}.", "Write another value, or put a number in quotes.")
            value = None
        return ScalarNode(event.span, value, event.raw, event.quoted)

    def _aliased(self, event: Event) -> Node:
        node = self._anchors.get(event.raw)
        if node is not None:
            return node
        if any(frame.anchor == event.raw for frame in self._open):
            message, hint = f"the alias *{event.raw} stands inside what it names.", "A value cannot hold itself."
        else:
            message, hint = f"there is no anchor &{event.raw} before this alias.", _known("Anchors", self._anchors)
        self._note("bad_alias", event.span, message, hint)
        return ScalarNode(event.span, None, "", quoted=False)

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _place(self, node: Node, span: Span, *, is_scalar: bool) -> None:
        """Put a finished value where it belongs: into the list, as a key, or under the key before it."""
        self._placed += 1
        if self._placed > MAX_NODES:  # also of values that end up nowhere: a key given twice
            raise _too_many(span)
        if not self._open:
            self._root = node
            return
        frame = self._open[-1]
        if isinstance(frame.node, ListNode):
            frame.node.items.append(node)
            self._count(frame.node, node, span)
        elif frame.key_is_due:
            self._take_key(frame, node, span, is_scalar=is_scalar)
        else:
            self._take_value(frame, frame.node, node, span)

    def _take_key(self, frame: _Open, node: Node, span: Span, *, is_scalar: bool) -> None:
        frame.key_is_due = False
        frame.key = None
        if frame.braces and frame.inner is None and isinstance(node, MapNode):
            frame.inner = span  # what it means is known when the outer braces close
            return
        if not isinstance(node, ScalarNode) or (node.value is None and not node.quoted):
            self._note("key_not_text", span, "a key must be text.", "Write `key: value`.")
        elif is_scalar or isinstance(node.value, str):
            # Numbers as keys are text, as in JSON: `200: ok`.
            frame.key = (span, node.value if isinstance(node.value, str) else node.raw)
            frame.key_is_merge = node.value == _MERGE and not node.quoted

    def _take_value(self, frame: _Open, into: MapNode, node: Node, span: Span) -> None:
        key, frame.key, frame.key_is_due = frame.key, None, True
        if key is None:
            return
        where, name = key
        if frame.key_is_merge:
            frame.merged.append((span, node))
        elif name in into.entries:
            first = into.entries[name][0]
            hint = f"The first is at line {first.line}; keep one of them."
            self._note("duplicate_key", where, f"the key '{_short(name)}' is given twice in this mapping.", hint)
        else:
            into.entries[name] = (where, node)
            self._count(into, node, span)

    def _merge(self, into: MapNode, merged: list[tuple[Span, Node]]) -> None:
        """`<<: *base`: the keys of the base that are not given here."""
        for span, node in merged:
            for base in node.items if isinstance(node, ListNode) else [node]:
                if not isinstance(base, MapNode):
                    self._note("bad_merge", span, "'<<' takes a mapping, or a list of mappings.", _MERGE_HINT)
                    continue
                for name, (where, value) in base.entries.items():
                    if name not in into.entries:
                        into.entries[name] = (where, value)
                        self._count(into, value, span)

    def _count(self, parent: ListNode | MapNode, child: Node, span: Span) -> None:
        parent.size += child.size
        parent.height = max(parent.height, child.height + 1)
        if parent.size > MAX_NODES:
            raise _too_many(span)
        if len(self._open) + child.height > MAX_DEPTH:
            raise self._too_deep(span)

    def _too_deep(self, span: Span) -> TextFaultError:
        message = f"lists and mappings are nested more than {MAX_DEPTH} deep here."
        return _fault("definition_too_deep", message, "Move the inner part into a workflow of its own.", span)

    def _note(self, code: str, span: Span, message: str, hint: str | None) -> None:
        self._faults.append(Fault(code, message, hint, span.line, span.column))
        if len(self._faults) >= MAX_FAULTS:
            message = f"reading stopped here, after {MAX_FAULTS} problems."
            raise _fault("too_many_problems", message, "Mend those first.", span)

    def _blame_braces(self, error: TextFaultError) -> Fault:
        """YAML's complaint about something behind an unquoted `{{` of the same line is really about the `{{`."""
        braces = self._braces
        if self._text.startswith("{{", error.index):  # `/users/{{ id }}` in a mapping with braces of its own
            braces = Span(error.fault.line, error.fault.column, error.index, error.index)
        if braces is None or self._text.count("\n", braces.start, max(error.index, braces.start)) > 0:
            return error.fault
        # Reported once, even where `{{ x }}/rest` had closed before YAML stumbled.
        place = (braces.line, braces.column)
        self._faults = [f for f in self._faults if (f.line, f.column) != place or f.code != "unquoted_expression"]
        source, is_all = unquoted(self._text, braces)
        message = f"the expression {_short(source)} is not in quotes, and YAML takes '{{{{' for a mapping."
        hint = f': "{_short(source)}".' if is_all and '"' not in source else "."
        return Fault("unquoted_expression", message, f"Put the whole text in quotes{hint}", *place)


_TAG_HINT = "Write the value without it: only text, numbers, true, false, null, lists and mappings are read."
_MERGE_HINT = "Write `<<: *anchor`, with an anchor on a mapping."


def _too_many(span: Span) -> TextFaultError:
    message = f"the text stands for more than {MAX_NODES:,} values (aliases count each time they are used)."
    return _fault("definition_too_large", message, "Use fewer values, or fewer aliases.", span)


def _fault(code: str, message: str, hint: str, span: Span) -> TextFaultError:
    return TextFaultError(Fault(code, message, hint, span.line, span.column), span.start)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


def _known(what: str, names: dict[str, Node]) -> str:
    return f"{what} so far: {', '.join(list(names)[:10])}." if names else f"{what} so far: none."
