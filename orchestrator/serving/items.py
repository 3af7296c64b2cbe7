"""LangGraph's store for the nodes of users' graphs, and for clients: on our tables, one for each tenant."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    NotProvided,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
)

from graphs.errors import InputError
from orchestrator.serving.encoding import to_value
from orchestrator.store.served.items import Items
from orchestrator.store.served.values import StoredItem

_COMPARE = {
    "$eq": lambda mine, given: mine == given,
    "$ne": lambda mine, given: mine != given,
    "$gt": lambda mine, given: mine > given,
    "$gte": lambda mine, given: mine >= given,
    "$lt": lambda mine, given: mine < given,
    "$lte": lambda mine, given: mine <= given,
}


class ItemStore(BaseStore):
    """A tenant's items. There is no index of meanings: a `query` in words ranks nothing.

    Args:
        items: Where they are kept.
        tenant: Whose.
        ends: Told when an item was kept that has an end.
    """

    supports_ttl = True

    def __init__(self, items: Items, tenant: str, ends: Callable[[], None] = lambda: None) -> None:
        self._items = items
        self._tenant = tenant
        self._ends = ends
        self._loop = asyncio.get_running_loop()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """For nodes that are not async: these run in threads of their own."""
        if asyncio._get_running_loop() is self._loop:
            raise InputError(
                "A sync call of the store would stop everything else.",
                hint="In async code: await store.aget(…), aput, asearch.",
                code="store_called_in_loop",
            )
        return asyncio.run_coroutine_threadsafe(self.abatch(ops), self._loop).result()

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Carry operations out, in order."""
        return [await self._one(op) for op in ops]

    async def _one(self, op: Op) -> Result:
        if isinstance(op, GetOp):
            found = await self._items.item(self._tenant, op.namespace, op.key, refresh=op.refresh_ttl)
            return None if found is None else Item(**_facts(found))
        if isinstance(op, PutOp):
            await self._put(op)
            return None
        if isinstance(op, SearchOp):
            return cast(Result, await self._search(op))
        if isinstance(op, ListNamespacesOp):
            return await self._namespaces(op)
        raise NotImplementedError(f"The store does not know {type(op).__name__}.")

    async def _put(self, op: PutOp) -> None:
        if op.value is None:
            await self._items.delete_item(self._tenant, op.namespace, op.key)
            return
        ttl = None if isinstance(op.ttl, NotProvided) else op.ttl
        await self._items.put_item(self._tenant, op.namespace, op.key, to_value(op.value), ttl)
        if ttl is not None:
            self._ends()

    async def _search(self, op: SearchOp) -> list[SearchItem]:
        found = await self._items.items(
            self._tenant,
            op.namespace_prefix,
            lambda item: fits(item.value, op.filter or {}),
            limit=op.limit,
            offset=op.offset,
            refresh=op.refresh_ttl,
        )
        return [SearchItem(**_facts(item)) for item in found]

    async def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        names = await self._items.namespaces(self._tenant)
        for condition in op.match_conditions or ():
            names = [name for name in names if _matches(name, condition)]
        if op.max_depth is not None:
            names = sorted({name[: op.max_depth] for name in names})
        return names[op.offset : op.offset + op.limit]


def fits(value: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a value has the fields that are wanted, by value or by comparison (`{"$gt": 3}`).

    Raises:
        InputError: there is no such comparison.
    """
    return all(_fits(value.get(name), given) for name, given in wanted.items())


def _fits(mine: Any, given: Any) -> bool:
    if isinstance(given, Mapping) and any(key.startswith("$") for key in given):
        for word, other in given.items():
            if word not in _COMPARE:
                raise InputError(
                    f"There is no comparison '{word}'.",
                    hint=f"There are: {', '.join(_COMPARE)}.",
                    code="filter_invalid",
                )
            try:
                if not _COMPARE[word](mine, other):
                    return False
            except TypeError:  # text and a number: neither is the greater
                return False
        return True
    return bool(mine == given)


def _matches(name: Sequence[str], condition: MatchCondition) -> bool:
    wanted = condition.path
    if len(wanted) > len(name):
        return False
    part = name[: len(wanted)] if condition.match_type == "prefix" else name[len(name) - len(wanted) :]
    return all(one in ("*", other) for one, other in zip(wanted, part, strict=True))


def _facts(item: StoredItem) -> dict[str, Any]:
    return {
        "namespace": tuple(item.namespace),
        "key": item.key,
        "value": dict(item.value),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }
