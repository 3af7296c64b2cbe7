"""Filters on text. What they make is measured before the memory is taken."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from graphs.expressions.arguments import need_list, need_text, need_whole
from graphs.expressions.digests import utf8
from graphs.expressions.faults import fault
from graphs.expressions.frame import Frame
from graphs.expressions.limits import MAX_ITEMS
from graphs.expressions.secret import MASK, Secret
from graphs.expressions.values import (
    KIND_WORDS,
    a_text,
    check_item_count,
    check_text_length,
    kind_of,
    plain,
    text_of,
    text_steps,
)

_MAX_MASK_KEPT: Final = 8


def lower(frame: Frame, value: Any) -> str:
    """`'ABC'|lower`"""
    return a_text(_charged(frame, value, "lower").lower())


def upper(frame: Frame, value: Any) -> str:
    """`'abc'|upper`"""
    return a_text(_charged(frame, value, "upper").upper())


def trim(frame: Frame, value: Any) -> str:
    """`'  a '|trim`: without the white space around it."""
    return _charged(frame, value, "trim").strip()


def replace(frame: Frame, value: Any, old: Any, new: Any) -> str:
    """`'a-b'|replace('-', '_')`: every occurrence, taken literally."""
    text, wanted, instead = (_charged(frame, part, "replace") for part in (value, old, new))
    if not wanted:
        raise fault("bad_value", "filter 'replace' cannot look for an empty text.", "Say what to replace.")
    length = len(text) + text.count(wanted) * (len(instead) - len(wanted))
    check_text_length(length)
    frame.charge(text_steps(length))
    return text.replace(wanted, instead)


def split(frame: Frame, value: Any, separator: Any = None) -> list[str]:
    """`'a,b'|split(',')`; without a separator at white space."""
    text = _charged(frame, value, "split")
    if separator is None:
        # One part more than allowed is enough to know that there are too many.
        parts = text.split(None, MAX_ITEMS)
        check_item_count(len(parts))
    else:
        separator = need_text(separator, "argument 'separator' of filter 'split'")
        if not separator:
            raise fault("bad_value", "filter 'split' cannot split at an empty text.", "Name a separator.")
        check_item_count(text.count(separator) + 1)
        parts = text.split(separator)
    frame.charge(len(parts))
    return parts


def join(frame: Frame, value: Any, separator: Any = "") -> str:
    """`['a', 1]|join(', ')`: texts, numbers, true and false."""
    items = need_list(value, "filter 'join'")
    between = need_text(separator, "argument 'separator' of filter 'join'")
    frame.charge(len(items))
    parts = [text_of(item) for item in items]
    length = sum(map(len, parts)) + len(between) * max(len(parts) - 1, 0)
    check_text_length(length)
    frame.charge(text_steps(length))
    return between.join(parts)


def string(_frame: Frame, value: Any) -> str:
    """`5|string`: as it would stand in a text."""
    return text_of(value)


def url_encode(frame: Frame, value: Any) -> str:
    """`'a/b c'|urlencode` is `a%2Fb%20c`: safe as one part of a path or a query. An object becomes a query.

    Unlike Jinja2's it encodes the slash too: an id from outside must not climb to another path.
    """
    if kind_of(value) == "object":
        frame.charge(len(value))
        return a_text(urlencode({name: utf8(text_of(item)) for name, item in value.items()}, quote_via=quote))
    encoded = utf8(text_of(value))
    frame.charge(text_steps(3 * len(encoded)))
    check_text_length(len(encoded))
    return a_text(quote(encoded, safe=""))


def mask(_frame: Frame, value: Any, keep: Any = 0) -> str:
    """`card|mask(4)` is `***1111`: hides a value, all but the last `keep` characters of a text.

    A secret may be masked, which makes it an ordinary text again, but nothing of it may be kept.
    """
    keep = need_whole(keep, "argument 'keep' of filter 'mask'", 0, _MAX_MASK_KEPT)
    if keep == 0:
        return MASK
    if type(value) is Secret:
        raise fault("secret_refused", "filter 'mask' cannot keep a part of a secret.", "Write |mask.")
    text = text_of(value)
    # Of a short text the part kept would be nearly all of it.
    return MASK + text[-keep:] if len(text) >= 2 * keep else MASK


def length(_frame: Frame, value: Any) -> int:
    """`'abc'|length`, of a text, a list or an object."""
    kind = kind_of(value)
    if kind not in ("text", "list", "object"):
        raise fault(
            "wrong_kind",
            f"filter 'length' needs text, a list or an object, not {KIND_WORDS[kind]}.",
            "Add |default('') before it." if kind == "null" else "Look at where it comes from.",
        )
    return len(value if kind == "object" else plain(value))


def _charged(frame: Frame, value: Any, name: str) -> str:
    text = need_text(value, f"filter '{name}'")
    frame.charge(text_steps(len(text)))
    return text


TEXT_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "lower": lower,
    "upper": upper,
    "trim": trim,
    "replace": replace,
    "split": split,
    "join": join,
    "string": string,
    "urlencode": url_encode,
    "mask": mask,
    "length": length,
}
