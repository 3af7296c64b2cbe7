"""A request as a team's own handlers let it through: judged, changed, and narrowed to what the user may see."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.types import Scope

from api.gateway import Gateway
from api.security.custom import Acts, Custom
from api.security.principal import Principal
from graphs.errors import ConflictError, NotAllowedError, NotFoundError
from orchestrator.serving.consent import fits
from orchestrator.store.served.assistants import no_assistant
from orchestrator.store.served.crons import no_cron
from orchestrator.store.served.threads import no_thread

_NAMESPACES: Final = ("namespace", "namespace_prefix", "prefix")


async def consented(
    gateway: Gateway, custom: Custom, what: Acts, who: Principal, scope: Scope, body: bytes
) -> tuple[Principal, bytes]:
    """Whoever asks with what they may see, and the body as it is to be read. The scope's query may be changed.

    Raises:
        NotAllowedError: the team's code says no.
        NotFoundError: it exists, and not for them.
    """
    given: Any = orjson.loads(body) if body else {}
    only: Mapping[str, Any] = {}
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict):
            value = _value(what, one, scope)
            only = await custom.judge(what, who.user, value)
            _take_over(what, one, value, scope)
    narrowed = replace(who, only=only)
    await _look(gateway, what, narrowed, given if isinstance(given, dict) else {}, scope)
    return narrowed, orjson.dumps(given) if body else body


def _value(what: Acts, given: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """What handlers are shown: the body, with what the path names."""
    value = {**given, **scope.get("path_params", {})}
    if what.resource == "store":
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        named = next((value[name] for name in _NAMESPACES if value.get(name)), None)
        value["namespace"] = tuple(named or filter(None, query.get("namespace", "").split(".")))
        value.setdefault("key", query.get("key"))
    elif value.get("metadata") is None:
        value["metadata"] = {}
    return value


def _take_over(what: Acts, given: dict[str, Any], value: Mapping[str, Any], scope: Scope) -> None:
    """What a handler has changed in the value counts."""
    if what.resource == "store":
        namespace = list(value["namespace"] or ())
        field: str | None = next((name for name in _NAMESPACES if name in given), None)
        if field is None and what.action in ("search", "list_namespaces"):
            field = {"search": "namespace_prefix", "list_namespaces": "prefix"}[what.action]
        if field is not None:
            given[field] = namespace
        else:
            query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) | {"namespace": ".".join(namespace)}
            scope["query_string"] = urlencode(query).encode("latin-1")
        return
    if value.get("metadata"):
        given["metadata"] = value["metadata"]


async def _look(gateway: Gateway, what: Acts, who: Principal, given: Mapping[str, Any], scope: Scope) -> None:
    """What the request names must be among what the user may see."""
    if not who.only:
        return
    names, desk = scope.get("path_params", {}), gateway.desk
    if (assistant_id := names.get("assistant_id")) is not None:
        if not fits((await desk.assistants.get(assistant_id, who.tenant)).metadata, who.only):
            raise no_assistant(assistant_id)
    elif (cron_id := names.get("cron_id")) is not None:
        if not fits(desk.crons.get(cron_id, who.tenant).metadata, who.only):
            raise no_cron(cron_id)
    elif what.resource in ("threads", "crons"):
        threads = list(_threads(names, given))
        if (what.resource, what.action) == ("threads", "update") and not threads:
            raise NotAllowedError("It takes a 'thread_id': others have threads here too.")
        for thread_id in threads:
            await _look_at_thread(gateway, what, who, thread_id)


def _threads(names: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    one = names.get("thread_id") or given.get("thread_id")
    several = given.get("thread_ids")
    yield from [one] if isinstance(one, str) else []
    yield from (each for each in several if isinstance(each, str)) if isinstance(several, list) else ()


async def _look_at_thread(gateway: Gateway, what: Acts, who: Principal, thread_id: str) -> None:
    try:
        threads = gateway.desk.threads
        thread = await threads.kept(threads.own(thread_id, who.tenant), who.tenant)
    except NotFoundError:
        return  # the route says so, or makes it
    if not fits(thread.metadata, who.only):
        if (what.resource, what.action) == ("threads", "create"):
            raise ConflictError(f"There is a thread '{thread_id}' already.", code="thread_exists")
        raise no_thread(thread_id)
