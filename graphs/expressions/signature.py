"""Filters and functions as the language knows them: plain Python functions, their parameters read once."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from graphs.expressions.faults import fault, nearest, quoted


@dataclass(frozen=True, slots=True)
class Builtin:
    """A filter or a function.

    Attributes:
        label: How messages call it: `filter 'join'`.
        run: Called with the frame, for a filter the filtered value, and the arguments.
        positional: Parameters that may be given by place, in order.
        required: How many of them must be given.
        names: All parameters.
        usage: How it is written: `|join(separator='')`.
    """

    label: str
    run: Callable[..., Any]
    positional: tuple[str, ...]
    required: int
    names: frozenset[str]
    usage: str

    def check(self, count: int, named: Sequence[str], offset: int) -> None:
        """Refuses a call that does not fit, when it is parsed.

        Args:
            count: How many arguments are given by place.
            named: The names of the others.
            offset: Where the call stands.
        """
        given = [*self.positional[:count], *named]
        hint: str | None = f"Write {self.usage}."
        if count > len(self.positional):
            problem = f"{self.label} takes {_most(len(self.positional))} by place, not {count}."
        elif len(set(given)) < len(given):
            problem = f"{self.label} is given an argument twice."
        elif unknown := [name for name in named if name not in self.names]:
            problem = f"{self.label} has no argument {quoted(unknown[0])}."
            hint = nearest(unknown[0], self.names) or hint
        elif absent := [name for name in self.positional[: self.required] if name not in given]:
            problem = f"{self.label} needs {' and '.join(map(repr, absent))}."
        else:
            return
        raise fault("wrong_arguments", problem, hint, offset)


def _most(count: int) -> str:
    return ("no arguments", "one argument")[count] if count < 2 else f"at most {count} arguments"


def table(what: Literal["filter", "function"], functions: dict[str, Callable[..., Any]]) -> dict[str, Builtin]:
    """The functions as built-ins by name, their parameters taken from their signatures."""
    return {name: _builtin(what, name, run) for name, run in functions.items()}


def _builtin(what: Literal["filter", "function"], name: str, run: Callable[..., Any]) -> Builtin:
    # The frame, and for a filter the value it is applied to, are not written by the author.
    parameters = list(inspect.signature(run).parameters.values())[2 if what == "filter" else 1 :]
    positional = [one for one in parameters if one.kind is not one.KEYWORD_ONLY]
    written = ", ".join(_written(one) for one in parameters)
    usage = f"|{name}({written})" if written else f"|{name}"
    return Builtin(
        label=f"{what} '{name}'",
        run=run,
        positional=tuple(one.name for one in positional),
        required=sum(one.default is one.empty for one in positional),
        names=frozenset(one.name for one in parameters),
        usage=usage if what == "filter" else f"{name}({written})",
    )


def _written(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return parameter.name
    # `none`, `true`, `false`: as an author writes them, not as Python does.
    default = parameter.default
    shown = str(default).lower() if default is None or isinstance(default, bool) else repr(default)
    return f"{parameter.name}={shown}"
