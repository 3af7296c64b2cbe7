"""The inbox: open approvals, and acting on them. The same for HTTP, the command line and code."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from graphs.errors import NotFoundError
from graphs.values import json_value
from orchestrator.approvals import rules
from orchestrator.approvals.rules import Given
from orchestrator.approvals.values import Approval, Person, Turn
from orchestrator.store.port import InboxFilter, OpenWait, Store
from orchestrator.store.units import Beside

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Approvals, and where the next page begins; None at the end."""

    approvals: Sequence[Approval]
    after: tuple[datetime, int] | None


class Inbox:
    """The approvals of a store.

    Args:
        store: Where they are kept.
        now: What time it is.
        answered: Told of every approval that is settled here, once it is kept.
    """

    def __init__(self, store: Store, now: Callable[[], datetime], answered: Callable[[OpenWait], None]) -> None:
        self._store = store
        self._now = now
        self._answered = answered

    async def list(self, which: InboxFilter, people: Sequence[str] = (), concerning: Person | None = None) -> Page:
        """Approvals, oldest first.

        Args:
            which: Which of them.
            people: Only what these may decide: people by name, groups behind `group:`. Escalations that are due count.
            concerning: Only what is a matter of theirs; see `rules.concerns`.
        """

        def wanted(one: Approval) -> bool:
            theirs = concerning is None or rules.concerns(one, concerning, now)
            return theirs and (not people or rules.may_see_as_theirs(one, people, now))

        found: list[Approval] = []
        now, batch = self._now(), replace(which, limit=_BATCH)
        while len(found) <= which.limit:
            looked_at = await self._store.approvals(batch)
            found += filter(wanted, looked_at)
            if len(looked_at) < _BATCH:
                break
            batch = replace(batch, after=(looked_at[-1].wait.opened_at, looked_at[-1].seq))
        kept = found[: which.limit]
        more = (kept[-1].wait.opened_at, kept[-1].seq) if len(found) > which.limit else None
        return Page(kept, more)

    async def get(self, execution_id: str, path: str) -> Approval:
        """An approval, open or not.

        Raises:
            NotFoundError: there is none there.
        """
        approval = await self._store.approval(execution_id, path)
        if approval is None or approval.wait.wait.kind != "approval":
            raise no_approval(execution_id, path)
        return approval

    async def decide(
        self,
        execution_id: str,
        path: str,
        person: Person,
        given: Given,
        *,
        link: tuple[str, datetime] | None = None,
    ) -> OpenWait:
        """Decide an approval. The first decision wins; where several are needed, each counts once.

        Raises:
            NotFoundError, ConflictError, NotAllowedError, InputError: see `rules.decided`.
        """
        wait = await self._store.act_on(execution_id, path, self._decision(person, given, link))
        self._tell(wait)
        return wait

    def deciding(self, execution_id: str, path: str, person: Person, given: Given) -> Beside:
        """The same, to be kept in one transaction with something else."""
        acting = self._store.acting(execution_id, path, self._decision(person, given))

        def kept(done: Any) -> None:
            acting.kept(done)
            self._tell(done[0])

        return replace(acting, kept=kept)

    def _decision(
        self, person: Person, given: Given, link: tuple[str, datetime] | None = None
    ) -> Callable[[Approval], Turn]:
        given = replace(given, data=json_value(given.data))
        return lambda approval: replace(rules.decided(approval, person, given, self._now()), link=link)

    def _tell(self, wait: OpenWait) -> None:
        if wait.status == "answered":
            self._answered(wait)

    async def claim(self, execution_id: str, path: str, person: Person) -> OpenWait:
        """See `rules.claimed`."""
        return await self._act(execution_id, path, partial(rules.claimed, person=person, now=self._now()))

    async def release(self, execution_id: str, path: str, person: Person, *, force: bool = False) -> OpenWait:
        """See `rules.released`."""
        act = partial(rules.released, person=person, now=self._now(), force=force)
        return await self._act(execution_id, path, act)

    async def reassign(
        self, execution_id: str, path: str, person: Person, to: Sequence[str], *, reason: str | None = None
    ) -> OpenWait:
        """See `rules.reassigned`."""
        act = partial(rules.reassigned, person=person, to=to, now=self._now(), reason=reason)
        return await self._act(execution_id, path, act)

    async def delegate(
        self, execution_id: str, path: str, person: Person, to: str, *, reason: str | None = None
    ) -> OpenWait:
        """See `rules.delegated`."""
        act = partial(rules.delegated, person=person, to=to, now=self._now(), reason=reason)
        return await self._act(execution_id, path, act)

    async def comment(self, execution_id: str, path: str, person: Person, text: str) -> OpenWait:
        """See `rules.commented`."""
        return await self._act(execution_id, path, partial(rules.commented, person=person, text=text))

    async def _act(self, execution_id: str, path: str, act: Callable[[Approval], Turn]) -> OpenWait:
        return await self._store.act_on(execution_id, path, act)


def no_approval(execution_id: str, path: str) -> NotFoundError:
    """The error for an approval that is not there, or not for whoever asks."""
    return NotFoundError(
        f"Execution '{execution_id}' has no approval at '{path}'.",
        hint="List what is open: baton inbox, or GET /v1/approvals.",
        code="approval_not_found",
    )
