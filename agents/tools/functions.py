"""The Python functions an application offers its steps by name.

A definition can name a function, never import one: what is not registered here, or in a module allowed here,
does not exist for it.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any, Self, TypeVar

from agents.registry import Registry
from agents.tools.calling import Callee
from graphs.errors import InputError, StepError

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Function:
    """A function under its name."""

    name: str
    call: Callable[..., Any]

    @cached_property
    def callee(self) -> Callee:
        return Callee(self.call, f"function '{self.name}'")


@lru_cache(maxsize=4096)
def function(name: str, call: Callable[..., Any]) -> Function:
    """The function under that name. Kept, because reading a signature costs as much as a whole step."""
    return Function(name, call)


class Functions(Registry[Function]):
    """The functions of an application; a resource.

    ```python
    functions = Functions()

    @functions.function
    def charge(order_id: str, amount: float) -> dict: ...
    ```

    Args:
        functions: Callables, known by their own names.
        modules: Modules whose public functions may be named as `module:function`.
    """

    word = "function"
    remedy = "Functions are registered: functions.register('name', callable), or @functions.function."

    def __init__(self, functions: Iterable[Callable[..., Any]] = (), *, modules: Iterable[ModuleType] = ()) -> None:
        super().__init__()
        self._modules = {module.__name__: module for module in modules}
        for one in functions:
            self.function(one)

    def register(self, name: str, call: Callable[..., Any]) -> None:
        """Offer a callable under a name.

        Raises:
            ConflictError: the name is taken.
        """
        self.add(Function(name, call))

    def function(self, call: F) -> F:
        """Offer a callable under its own name. Good as a decorator.

        Raises:
            InputError: it cannot be called.
        """
        if not callable(call):
            raise InputError(
                f"{call!r} is no function.", hint="Give callables; under other names: register(name, callable)."
            )
        self.register(getattr(call, "__name__", type(call).__name__), call)
        return call

    def allow_module(self, module: ModuleType) -> None:
        """Let definitions name the public functions of a module: `shop.steps:charge`."""
        self._modules[module.__name__] = module

    def joined(self, other: Registry[Function]) -> Self:
        """See `Registry`; the modules either of them allows are allowed."""
        both = super().joined(other)
        both._modules = self._modules | (other._modules if isinstance(other, Functions) else {})
        return both

    def get(self, name: str) -> Function:
        """The function of that name, or of that place in an allowed module.

        Raises:
            StepError: there is none.
        """
        module, colon, attribute = name.partition(":")
        if not colon or name in self:
            return super().get(name)
        if module not in self._modules:
            raise StepError(
                f"module '{module}' is not among those whose functions a definition may name.",
                category="validation",
                code="module_not_allowed",
                hint=f"Allowed: {', '.join(sorted(self._modules)) or 'none'}. See Functions.allow_module.",
            )
        call = vars(self._modules[module]).get(attribute)
        # Only what the module itself defines: what it imported (`os`, `subprocess.run`) was not offered.
        if not inspect.isfunction(call) or call.__module__ != module or attribute.startswith("_"):
            raise StepError(
                f"module '{module}' has no public function '{attribute}' of its own.",
                category="validation",
                code="function_unknown",
            )
        return function(name, call)
