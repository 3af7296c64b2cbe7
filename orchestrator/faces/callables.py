"""Python callables of the faces, dressed so that the language can hold them.

A definition tells callables apart by their name and their code (`graphs.spec.describe_callable`). What a face hands
over is wrapped, so the wrapper speaks for what is inside: its code, and what it has closed over. Two lambdas of one
line that differ only in a captured limit are then two definitions, as they should be.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from agents.tools.threads import in_thread
from graphs.code import Code, code_of
from graphs.errors import BatonError, StepError
from graphs.spec import FromState


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
        except Exception as error:  # a function of the application's, which may raise anything
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
