"""Whoever a team's own code lets in: the `auth` of a langgraph.json, a `langgraph_sdk.Auth`.

Its `authenticate` says who asks. What they may follows from that, the least where nothing is said:

1. `permissions` that name our roles or rights (`operator`, `decide`) are the user's rights, everywhere.
2. Where they name none, an act that LangGraph's own server has too is allowed when an `on` handler judged it and let it
   through: that act, and nothing beyond it. Without a handler, such users may look, and no more.
3. On all other paths they may then do nothing.

Handlers are asked in either case. They may refuse, change what is asked, and narrow what is seen to what has certain
metadata. About runs they are asked wherever runs begin (`RunConsent`).
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from langgraph_sdk import Auth
from langgraph_sdk.auth.exceptions import HTTPException as Refused
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from api.security.keys import NotAuthenticatedError
from api.security.needs import Needs
from api.security.principal import Principal
from api.security.rights import LEAST, Right, rights_of
from graphs.errors import NotAllowedError, SettingsError
from orchestrator.serving.consent import fits

Resource = Literal["threads", "assistants", "crons", "store"]


@dataclass(frozen=True)
class Acts:
    """What a route does, in the words of handlers. A dependency that does nothing: the guard reads it.

    Attributes:
        inside: The handlers are asked further inside, where it is known what it is about.
    """

    resource: Resource
    action: str
    inside: bool = False

    async def __call__(self) -> None:
        return


CREATE_RUN: Final = Acts("threads", "create_run", inside=True)
READ_THREAD: Final = Acts("threads", "read")


def acts(resource: Resource, action: str) -> Any:
    """Declare on a route: `dependencies=[needs(Right.READ), acts("threads", "read")]`."""
    return Depends(Acts(resource, action))


def starts_runs() -> Any:
    """Declare on a route that runs begin there: the desk asks about each of them."""
    return Depends(CREATE_RUN)


def acts_of(dependant: Dependant) -> Iterator[Acts]:
    """What a route declares."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Acts):
            yield dependency.call


class User(Mapping[str, Any]):
    """A user as handlers read them: by attribute, or by key.

    Args:
        given: What `authenticate` gave: a name, a mapping, or an object with an `identity`.
    """

    def __init__(self, given: Any) -> None:
        if isinstance(given, str):
            given = {"identity": given}
        fields = dict(given) if isinstance(given, Mapping) else _fields(given)
        self._fields = {"is_authenticated": True, "permissions": [], **fields}
        if not isinstance(self._fields.get("identity"), str) or not self._fields["identity"]:
            raise NotAuthenticatedError("The application's auth names nobody: it gave no 'identity'.")
        self._fields.setdefault("display_name", self._fields["identity"])

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_fields"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    @property
    def shown(self) -> dict[str, Any]:
        """What graphs are told of them: what else `authenticate` gave may be a secret, and runs are kept."""
        return {name: self._fields[name] for name in ("identity", "display_name", "is_authenticated", "permissions")}


def _list(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple | set | frozenset) else []


def _fields(given: Any) -> dict[str, Any]:
    names = ("identity", "display_name", "is_authenticated", "permissions")
    own = {name: value for name, value in getattr(given, "__dict__", {}).items() if not name.startswith("_")}
    return own | {name: getattr(given, name) for name in names if hasattr(given, name)}


class Custom:
    """A team's own auth.

    Args:
        auth: A `langgraph_sdk.Auth`.

    Raises:
        SettingsError: it is none, or lets nobody in.
    """

    def __init__(self, auth: Any) -> None:
        if not isinstance(auth, Auth):
            raise SettingsError(f"'auth' names a {type(auth).__name__}, not a langgraph_sdk.Auth.", code="auth_invalid")
        # Only LangGraph's own server reads these, and we: there is no public way to ask for them.
        if auth._authenticate_handler is None:
            raise SettingsError(
                "'auth' has no authenticate handler, so it would let nobody in.",
                hint="Decorate a function with @auth.authenticate.",
                code="auth_invalid",
            )
        self._authenticate: Any = auth._authenticate_handler
        self._auth = auth

    async def admit(self, connection: HTTPConnection) -> Principal:
        """Who asks.

        Raises:
            NotAuthenticatedError: nobody that the team's code knows.
        """
        return self.principal_of(User(await _asked(self._authenticate(**_wanted(self._authenticate, connection)))))

    def principal_of(self, user: User) -> Principal:
        """A user that `authenticate` gave, with the rights their permissions name."""
        words = [word for word in _list(user["permissions"]) if isinstance(word, str)]
        return Principal(
            name=user["identity"],
            rights=rights_of(words) | {right for right in Right if right in words},
            groups=frozenset(word for word in _list(user.get("groups")) if isinstance(word, str)),
            source=f"user:{user['identity']}",
            user=user,
        )

    def allowed(self, who: Principal, needed: Sequence[Needs], what: Acts) -> Principal:
        """A user with the rights they have for one act.

        Raises:
            NotAllowedError: theirs do not suffice, and no handler will judge it.
        """
        if not who.rights:
            if self._handler(what) is not None:
                return replace(who, rights=frozenset(each.right for each in needed if each.right is not None))
            who = replace(who, rights=LEAST)
        for each in needed:
            each.check(who)
        return who

    async def judge(self, what: Acts, user: User, value: dict[str, Any]) -> Mapping[str, Any]:
        """Whether the user may; gives what they may see (conditions on metadata). May change the value.

        Raises:
            NotAllowedError: they may not.
        """
        handler = self._handler(what)
        if handler is None:
            return {}
        context = Auth.types.AuthContext(
            permissions=list(user["permissions"] or ()),
            user=user,
            resource=what.resource,
            action=what.action,  # type: ignore[arg-type]
        )
        result = await _asked(handler(ctx=context, value=value))
        if result is False:
            raise NotAllowedError(f"The application's auth does not allow '{what.resource}.{what.action}'.")
        return result if isinstance(result, Mapping) else {}

    def _handler(self, what: Acts) -> Any:
        """The handler that says most exactly what it is about."""
        for place in ((what.resource, what.action), (what.resource, "*"), ("*", what.action)):
            if found := self._auth._handlers.get(place):
                return found[-1]
        return self._auth._global_handlers[-1] if self._auth._global_handlers else None


class RunConsent:
    """Asks the handlers about a user's runs, wherever they begin. Implements orchestrator.serving.consent.Consent.

    Args:
        custom: Has the handlers.
        who: A user it let in.
    """

    def __init__(self, custom: Custom, who: Principal) -> None:
        self._custom = custom
        self._who = who

    @property
    def user(self) -> Mapping[str, Any]:
        """See the port."""
        shown: Mapping[str, Any] = self._who.user.shown
        return shown

    async def run(self, value: dict[str, Any]) -> Mapping[str, Any]:
        """See the port."""
        return await self._judged(Needs(Right.RUN), CREATE_RUN, value)

    async def sees(self, thread_id: str, metadata: Mapping[str, Any]) -> bool:
        """See the port."""
        value = {"thread_id": thread_id, "metadata": {}}
        return fits(metadata, await self._judged(Needs(Right.READ), READ_THREAD, value))

    async def _judged(self, needed: Needs, what: Acts, value: dict[str, Any]) -> Mapping[str, Any]:
        if not self._who.rights:  # of others, the guard has seen what they may
            self._custom.allowed(self._who, [needed], what)
        return await self._custom.judge(what, self._who.user, value)


async def _asked(answer: Any) -> Any:
    try:
        return await answer if inspect.isawaitable(answer) else answer
    except Refused as error:
        if error.status_code == 401:
            raise NotAuthenticatedError(str(error.detail)) from error
        if error.status_code == 403:
            raise NotAllowedError(str(error.detail)) from error
        raise HTTPException(error.status_code, error.detail, dict(error.headers or {})) from error


def _wanted(function: Any, connection: HTTPConnection) -> dict[str, Any]:
    """The arguments that an authenticate handler asks for by name."""
    scope = connection.scope
    offered: dict[str, Any] = {
        "request": Request(scope) if scope["type"] == "http" else connection,
        "scope": scope,
        "path": scope["path"],
        "method": scope.get("method"),
        "path_params": scope.get("path_params", {}),
        "query_params": dict(connection.query_params),
        "headers": dict(scope["headers"]),
        "authorization": connection.headers.get("authorization"),
        "body": None,
    }
    return {name: offered[name] for name in inspect.signature(function).parameters if name in offered}
