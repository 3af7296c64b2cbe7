"""Python callables of the faces, dressed so that the language can hold them.

A definition tells callables apart by their name and their code (`graphs.spec.describe_callable`). What a face hands
over is wrapped, so the wrapper speaks for what is inside: its code, and what it has closed over. Two lambdas of one
line that differ only in a captured limit are then two definitions, as they should be.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from agents.threads import in_thread
from graphs.errors import BatonError, StepError
from graphs.spec import FromState

_DEPTH = 4
_PLAIN = (str, int, float, bool, bytes)


@dataclass(frozen=True, slots=True)
class Code:
    """What `describe_callable` reads of a callable's code."""

    co_code: bytes
    co_consts: tuple[Any, ...] = ()
    co_names: tuple[str, ...] = ()


def code_of(value: Any, depth: int = _DEPTH) -> Code:
    """The code of a callable together with its defaults, what it has closed over, and the object it is bound to."""
    if isinstance(value, partial):
        return Code(b"partial", (code_of(value.func, depth), _fact([value.args, value.keywords], depth)))
    function = value if hasattr(value, "__code__") else type(value).__call__
    code = getattr(function, "__code__", None)
    if code is None:
        return Code(_name(value).encode())
    captured = [cell.cell_contents for cell in getattr(function, "__closure__", None) or () if _filled(cell)]
    defaults = [getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None)]
    bound = getattr(value, "__self__", None if function is value else value)
    facts = [_fact(item, depth) for item in (*captured, *defaults, bound)]
    return Code(code.co_code, (*_constants(code), *facts), code.co_names)


def _constants(code: Any) -> tuple[Any, ...]:
    return tuple(_constant(one) for one in code.co_consts)


def _constant(value: Any) -> Any:
    if isinstance(value, frozenset):
        # `x in {"a", "b"}` keeps one, and its order differs from process to process.
        return tuple(sorted(map(repr, value)))
    return Code(value.co_code, _constants(value), value.co_names) if hasattr(value, "co_code") else value


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # assigned later, or never
        return False


def _fact(value: Any, depth: int) -> Any:
    """A value as it may stand in a digest: the same in every process, so never an address or a connection."""
    if value is None or isinstance(value, _PLAIN):
        return value
    if depth == 0 or inspect.ismodule(value) or isinstance(value, type):
        return _name(value)
    if isinstance(value, Mapping):
        return tuple((str(key), _fact(item, depth - 1)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_fact(item, depth - 1) for item in value)
    if hasattr(value, "__code__") or isinstance(value, partial):
        return code_of(value, depth - 1)
    kept = getattr(value, "__dict__", {}).items()
    return (_name(value), tuple((key, item) for key, item in kept if isinstance(item, _PLAIN) and key[0] != "_"))


def _name(value: Any) -> str:
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}:{named.__qualname__}"


class Dressed:
    """A callable around another one, known by the other's name and code."""

    def __init__(self, inner: Callable[..., Any]) -> None:
        named = inner if hasattr(inner, "__qualname__") else type(inner)
        self.inner = inner
        self.__module__ = named.__module__
        self.__qualname__ = named.__qualname__
        self.__name__ = named.__name__
        self.__code__ = code_of(inner)

    def ask(self, *arguments: Any) -> Any:
        """Call it.

        Raises:
            StepError: it failed, which is the step's failure and nobody else's; or it is asynchronous, and what is
                asked while a workflow is being planned cannot wait.
        """
        try:
            answer = self.inner(*arguments)
        except BatonError:
            raise
        except Exception as error:
            raise StepError(
                f"{self.__qualname__} raised {type(error).__name__}: {error}.", code="callable_failed"
            ) from error
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise StepError(
                f"{self.__qualname__} is asynchronous, and it is asked where nothing can be waited for.",
                code="callable_async",
                hint="Make it an ordinary function; what takes time belongs into a step.",
            )
        return answer


class Gives(Dressed):
    """Gives a value: arguments, a message, a context."""

    def __call__(self, state: Any) -> Any:
        return self.ask(state)


class Holds(Dressed):
    """A condition, by Python's idea of truth: `state.get("order_valid")` holds when it gives anything true."""

    def __call__(self, state: Any) -> bool:
        return bool(self.ask(state))


class HoldsAgain(Dressed):
    """The condition of a loop, which is also told the number of the iteration, from 0."""

    def __call__(self, state: Any) -> bool:
        return bool(self.ask(state, state.iteration))


class AllHold:
    """Several conditions as one."""

    def __init__(self, conditions: tuple[Dressed, ...]) -> None:
        self.conditions = conditions
        self.__qualname__ = " and ".join(condition.__qualname__ for condition in conditions)
        self.__code__ = Code(b"and", tuple(condition.__code__ for condition in conditions))

    def __call__(self, state: Any) -> bool:
        return all(condition(state) for condition in self.conditions)  # type: ignore[operator]


async def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function gives. One that is not asynchronous runs in a thread, so it cannot block the loop."""
    if inspect.iscoroutinefunction(function):
        return await function(*arguments)
    answer = await in_thread(partial(function, *arguments))
    return await answer if inspect.isawaitable(answer) else answer


def gives(function: Callable[..., Any]) -> FromState:
    """A callable where a template could stand."""
    return FromState(Gives(function))


def holds(*conditions: Callable[..., Any]) -> FromState:
    """One condition, or all of several."""
    dressed = tuple(Holds(condition) for condition in conditions)
    return FromState(dressed[0] if len(dressed) == 1 else AllHold(dressed))
