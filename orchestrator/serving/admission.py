"""What becomes of a run that is wanted before anything is done about it: the application's own code is asked, and of
whoever may only answer, nothing but an answer is taken."""

from dataclasses import replace

from graphs.errors import ConflictError, NotAllowedError, NotFoundError
from orchestrator.serving.asked import place
from orchestrator.serving.assistants import AssistantDesk
from orchestrator.serving.consent import fits
from orchestrator.serving.served import Place
from orchestrator.serving.threads import ThreadDesk
from orchestrator.serving.wanted import Wanted, changed, value_of
from orchestrator.store.served.threads import no_thread
from orchestrator.store.served.values import Thread


class Admission:
    """Judges who wants what.

    Attributes:
        threads, assistants: What it may be about.
    """

    def __init__(self, threads: ThreadDesk, assistants: AssistantDesk) -> None:
        self.threads = threads
        self.assistants = assistants

    async def admitted(self, wanted: Wanted) -> Wanted:
        """A run as it may be carried out.

        Raises:
            NotAllowedError: it is not for whoever asks.
            NotFoundError: it is about a thread or an assistant that is not there for them.
            ConflictError: it is an answer, and nothing is asked.
        """
        if not wanted.by.runs:
            wanted = await self._answering(wanted)
        return await self.consented(wanted)

    async def consented(self, wanted: Wanted) -> Wanted:
        """A run as the application's own code lets it through, where it has a say.

        Raises:
            NotAllowedError: it says no.
            NotFoundError: the thread is not among those that whoever asks may run something on.
        """
        if (consent := wanted.by.consent) is None:
            return wanted
        value = value_of(wanted)
        only = await consent.run(value)
        if only and await self.is_there(wanted):
            thread = await self.threads.kept(str(wanted.thread_id), wanted.by.tenant)
            if not fits(thread.metadata, only):
                raise no_thread(thread.id)
        return replace(changed(wanted, value, consent.user), only=only)

    async def is_there(self, wanted: Wanted) -> bool:
        """Whether the thread is there; an execution that was started elsewhere becomes one.

        Raises:
            NotFoundError: it is not, and is not to be made.
        """
        if wanted.thread_id is None:
            return False
        try:
            await self.threads.kept(wanted.thread_id, wanted.by.tenant)
        except NotFoundError:
            if not wanted.make_thread:
                raise
            return False
        return True

    async def _answering(self, wanted: Wanted) -> Wanted:
        """What somebody wants who may only answer: it goes to whom the thread belongs, as the thread stands."""
        named = await self.assistants.get(wanted.assistant, wanted.by.tenant)
        if wanted.thread_id is None or (wanted.request.get("command") or {}).get("resume") is None:
            raise NotAllowedError("To start a run takes the right 'run'.")
        thread = await self.threads.get(wanted.thread_id, wanted.by.tenant)
        if not thread.interrupts:
            raise ConflictError(f"Nothing is asked on thread '{thread.id}'.", code="nothing_asked")
        where = place(wanted.request).checkpoint_id
        if named.graph != thread.metadata.get("graph_id") or where not in (None, await self._newest(thread)):
            raise NotAllowedError(
                f"To run another graph on thread '{thread.id}', or from an earlier state of it, takes the right 'run'."
            )
        request = {name: given for name, given in wanted.request.items() if name not in ("checkpoint", "checkpoint_id")}
        assistant = str(thread.metadata.get("assistant_id") or named.id)
        return replace(wanted, assistant=assistant, request=request, make_thread=False)

    async def _newest(self, thread: Thread) -> str | None:
        state = await self.threads.state(thread.id, thread.tenant, Place(), subgraphs=False)
        newest: str | None = state["checkpoint_id"]
        return newest
