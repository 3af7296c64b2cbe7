"""What needs a person: dead letters, and circuit breakers that are open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphs.spec import Workflow
from graphs.values import json_value
from orchestrator.engine.base import Base
from orchestrator.store.dead_letters import no_letter
from orchestrator.store.port import DeadLetter, Execution, KeptBreaker, LetterFilter, LetterKind, Record
from orchestrator.time_travel.redriving import EDITED, check_edit, edited_input, make_anew


@dataclass(frozen=True, slots=True)
class LetterStory:
    """A dead letter, the input of its execution (secrets as references), and what happened in it."""

    letter: DeadLetter
    input: Any
    history: Sequence[Record]


class Mending(Base):
    """Seeing to what failed for good."""

    async def dead_letters(
        self,
        *,
        status: str | None = "open",
        execution_id: str | None = None,
        workflow: str | None = None,
        kind: LetterKind | None = None,
        code: str | None = None,
        escalated: bool | None = None,
        tenant: str | None = None,
        before: int | None = None,
        limit: int = 1000,
    ) -> Sequence[DeadLetter]:
        """What failed for good and needs a person, newest first; without a status, what is closed too.

        Args:
            workflow: Its name, or `name@version`.
            kind, code: What it is about, and the error's code.
            escalated: Only what people have to see to, or only the rest.
            before: The number of the last one of the page before.
        """
        which = LetterFilter(
            status=status,
            execution_id=execution_id,
            workflow=workflow,
            kind=kind,
            code=code,
            escalated=escalated,
            tenant=tenant,
            before=before,
            limit=limit,
        )
        return await self.store.dead_letters(which)

    async def dead_letter(self, letter_id: int) -> DeadLetter:
        """One of them.

        Raises:
            NotFoundError: there is none of that number.
        """
        letter = await self.store.dead_letter(letter_id)
        if letter is None:
            raise no_letter(letter_id)
        return letter

    async def letter_story(self, letter_id: int) -> LetterStory:
        """A dead letter with all that is known about it.

        Raises:
            NotFoundError: there is none of that number.
        """
        letter = await self.dead_letter(letter_id)
        execution = await self.get(letter.execution_id)
        history = await self.store.records(letter.execution_id)
        return LetterStory(letter, execution.input, history)

    async def edit_letter(
        self, letter_id: int, changes: Mapping[str, Any] | None, *, by: str | None = None
    ) -> DeadLetter:
        """Change what is gone by when it is tried again; the redrive and its record say so.

        That is the input of an execution that failed. Where a call was cut off, and what undoes it failed, it is what
        people found out since: the `output` of that call, or the arguments with which its tool is to be undone.

        Args:
            changes: Merged into the input (the arguments) key by key; None takes all changes back.

        Raises:
            NotFoundError, ConflictError: there is no such letter, or it is closed.
            InputError: it has no input of its own, or this one does not fit the schema.
        """
        letter = await self.dead_letter(letter_id)
        if changes is None:
            return await self.store.edit_letter(letter_id, None)
        check_edit(letter, changes)
        before = (letter.edit or {}).get("input", {})
        edit = {"input": json_value({**before, **changes}), "by": by, "at": self.clock.now().isoformat()}
        if letter.kind in EDITED:
            await self._edited([replace(letter, edit=edit)])
        return await self.store.edit_letter(letter_id, edit)

    async def _edited(self, letters: Sequence[DeadLetter]) -> tuple[Execution, Workflow, Any]:
        execution = await self.get(letters[0].execution_id)
        workflow = await self.catalogue.pinned(execution)
        sealer = await self.catalogue.sealer(execution)
        return execution, workflow, edited_input(execution, workflow, sealer, letters)

    async def redrive(self, letter_ids: Sequence[int], *, by: str | None = None) -> Sequence[str]:
        """Try again what dead letters are about; what else was done or undone is not done again.

        What failed is made anew, with what had been undone since, on the input as it was edited. Letters about what
        was not undone go before those about failures of the same execution, which stay open then.

        Returns:
            Ids of the executions that go on.

        Raises:
            NotFoundError, ConflictError: there is none, it is closed, or its execution has not ended.
        """
        letters = [await self.dead_letter(letter_id) for letter_id in dict.fromkeys(letter_ids)]
        mended = {letter.execution_id for letter in letters if letter.kind in ("compensation", "finally")}
        anew: dict[str, list[DeadLetter]] = {}
        for letter in letters:
            if letter.execution_id not in mended and (letter.kind == "failure" or letter.edit is not None):
                anew.setdefault(letter.execution_id, []).append(letter)
        others = [letter.id for letter in letters if letter.execution_id not in anew and letter.kind != "failure"]
        redriven = list(await self.store.redrive(others, by=by)) if others else []
        for execution_id, theirs in anew.items():
            execution, workflow, edited = await self._edited(theirs)
            await make_anew(self.store, self.catalogue.library, execution, workflow, theirs, edited=edited, by=by)
            redriven.append(execution_id)
        for execution_id in redriven:
            self._driver_takes(execution_id, "redrive")
        return redriven

    async def discard(
        self,
        letter_ids: Sequence[int],
        *,
        by: str | None = None,
        note: str | None = None,
        compensate: bool = False,
    ) -> Sequence[DeadLetter]:
        """Close dead letters for good: somebody saw to it.

        Args:
            compensate: What their executions did is undone, and nothing more of them is begun: for those that were
                put aside, and for failures that left things as they were.

        Raises:
            NotFoundError, ConflictError: there is none, or it is closed; or what its execution did is not to be
                undone, or was.
        """
        if not compensate:
            return await self.store.discard(letter_ids, by=by, note=note)
        for execution_id in await self.store.undo(letter_ids, by=by, note=note):
            self._driver_takes(execution_id, "undo")
        return [await self.dead_letter(letter_id) for letter_id in dict.fromkeys(letter_ids)]

    async def breakers(self) -> Sequence[KeptBreaker]:
        """Every circuit breaker that has ever counted a failure, by name."""
        return await self.store.breakers()

    async def reset_breaker(self, name: str) -> KeptBreaker:
        """Close a circuit breaker: what it guards is well again. Every step that waits for it goes on.

        Raises:
            NotFoundError: it has never counted a failure; the message names those that have.
        """
        reset = await self.store.reset_breaker(name)
        if self._driver is not None:
            self._driver.breaker_reset(name)
        return reset
