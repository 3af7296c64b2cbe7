"""The nearest right name: `Did you mean 'look_up'?`"""

from collections.abc import Iterable
from difflib import SequenceMatcher

_NEAR = 0.6
_MANY = 200
_SHOWN = 12


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one, if any is like it; never this very one, which was no help where it stands.

    Among many names only those with a similar length and an equal first or last letter are compared: a definition
    of thousands of steps must not take minutes to be told what is wrong with it.
    """
    names = [other for other in dict.fromkeys(known) if other != name]
    if len(names) > _MANY:
        names = [other for other in names if _might_be_meant(name, other)][:_MANY]
    matcher = SequenceMatcher(b=name.lower())
    best, likeness = None, _NEAR
    for other in names:
        matcher.set_seq1(other.lower())
        if matcher.real_quick_ratio() >= likeness and matcher.quick_ratio() >= likeness:
            ratio = matcher.ratio()
            if ratio > likeness or (best is None and ratio == likeness):
                best, likeness = other, ratio
    return best


def _might_be_meant(name: str, other: str) -> bool:
    if not name or not other or abs(len(name) - len(other)) > 3:
        return False
    return name[0] == other[0] or name[-1] == other[-1]


def suggestion(name: str, known: Iterable[str], what: str = "Known") -> str:
    """The hint for a wrong name: the nearest right one, else the names there are."""
    names = list(dict.fromkeys(known))
    near = nearest(name, names)
    return f"Did you mean '{near}'?" if near is not None else listing(names, what)


def listing(names: Iterable[str], what: str = "Known") -> str:
    """`Known: a, b, c.`, shortened when there are many."""
    found = list(names)
    if not found:
        return f"{what}: none."
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{what}: {', '.join(found[:_SHOWN])}{more}."
