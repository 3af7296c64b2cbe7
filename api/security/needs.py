"""What a route asks of whoever comes to it, declared on the route itself."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from starlette.requests import HTTPConnection

from api.security.principal import Principal, principal
from api.security.rights import Right
from graphs.errors import NotAllowedError

_NAMED: Final = " The application's auth gives more by 'permissions' that name a role, or by a handler."

IsAnswer = Callable[[Any], bool]
"""Whether a body, as JSON values, is nothing but an answer to what is asked."""


@dataclass(frozen=True)
class Needs:
    """The right a route needs; None for routes that are everybody's.

    The guard before the route has looked already. Called as a dependency it looks once more: a second wall, in the
    same words.

    Attributes:
        is_answer: Where a route also takes answers, which bodies are: for those the right to decide does as well.
        narrowed: Rights for which the route opens too, and shows less: it looks at the rights itself.
    """

    right: Right | None
    is_answer: IsAnswer | None = None
    narrowed: frozenset[Right] = frozenset()

    async def __call__(self, connection: HTTPConnection) -> None:
        if self.right is not None:
            self.check(await principal(connection))

    def check(self, who: Principal) -> None:
        """Raises:
        NotAllowedError: they may not.
        """
        if who.answering and self.is_answer is not None:
            return
        if self.right is not None and self.right not in who.rights and not self.narrowed & who.rights:
            raise NotAllowedError(
                f"This needs the right '{self.right}', which {_whose(who)} does not have.",
                hint=f"It has: {', '.join(sorted(who.rights)) or 'none'}.{_NAMED if who.user is not None else ''}",
            )

    def may_answer(self, who: Principal) -> bool:
        """Whether it goes by the body: they have not the right, and what they send may be an answer."""
        return self.is_answer is not None and self.right not in who.rights and Right.DECIDE in who.rights


def needs(right: Right, is_answer: IsAnswer | None = None, *, narrowed: Collection[Right] = ()) -> Any:
    """Declare on a route or a router: `dependencies=[needs(Right.READ)]`."""
    return Depends(Needs(right, is_answer, frozenset(narrowed)))


def everybodys() -> Any:
    """Declare that a route is for anybody, known or not: health, documents, links that are their own proof."""
    return Depends(Needs(None))


def declared(dependant: Dependant) -> Iterator[Needs]:
    """What a route declares, its router's declarations with it."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Needs):
            yield dependency.call
        yield from declared(dependency)


def _whose(who: Principal) -> str:
    return f"'{who.name}'" if who.name else "whoever asks"
