"""`Chats`: from the messages a chat client sends to a run on the right thread, and from there to an answer."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Final

import orjson

from graphs.errors import InputError, NotFoundError
from orchestrator.chat.conversation import Message, divided, name_of, words_of
from orchestrator.chat.heard import Heard
from orchestrator.chat.inputs import input_of
from orchestrator.chat.questions import Question, answers, not_understood, wording
from orchestrator.chat.turns import Turn, Voice, failure, followed
from orchestrator.fingerprints import is_same, key_reused
from orchestrator.serving.desk import Desk
from orchestrator.serving.encoding import to_bytes
from orchestrator.serving.served import Caller, Place, Served
from orchestrator.serving.wanted import Wanted
from orchestrator.serving.wording import OF_STATE, answer_of
from orchestrator.store.served.values import Assistant, Conversation, Ended, Run, Search, Thread
from orchestrator.store.sqlite import SqliteStore

CHAT: Final = "chat"
"""The `source` in the metadata of runs that chats have started."""

_SINCE: Final = 200
"""Runs that are looked through for what was said since."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers: the assistant, and its graph."""

    heard: Heard
    assistant: Assistant
    served: Served


class Chats:
    """Answers.

    Args:
        desk: Takes runs on.
        store: Knows conversations.
    """

    def __init__(self, desk: Desk, store: SqliteStore) -> None:
        self._desk = desk
        self._store = store

    async def turn(self, heard: Heard) -> Turn:
        """Let a conversation go on by one answer.

        Raises:
            NotFoundError: there is no such model.
            InputError: nothing new is said, or not in a way that the model takes.
            NotAllowedError, ConflictError: what is asked is not for whoever asks to answer, or was answered just now.
        """
        tenant = heard.by.tenant
        assistant = await self.model(heard.model, tenant)
        who = Answering(heard, assistant, await self._desk.assistants.served(assistant.id, tenant))
        before, new = divided(heard.messages)
        if not words_of(new).strip():
            raise InputError(
                "Nothing new is said: the last message must be the user's, with words in it.", code="nothing_said"
            )
        if (first := self._asked_before(who)) is not None:
            return self._follow(who, first)
        if heard.again and (known := self._store.conversation(heard.name, tenant)) and known.run_id:
            run = self._desk.get(known.run_id, None, tenant)
            if run.stop is None:  # one that was stopped because its client left has no answer to give
                return self._follow(who, run)
        known = self._known(heard, before)
        thread = await self._thread(known, heard.by)
        if known is None or thread is None:
            return await self._begin(who)
        return await self._go_on(who, known, thread)

    async def model(self, model: str, tenant: str) -> Assistant:
        """The assistant that a client calls a model.

        Raises:
            NotFoundError: there is none.
        """
        try:
            return await self._desk.assistants.get(model, tenant)
        except InputError as error:
            raise NotFoundError(
                f"There is no model '{model}'.", hint="List what there is: GET /v1/models.", code="model_not_found"
            ) from error

    def _asked_before(self, who: Answering) -> Run | None:
        """The run that answers this request already, by its idempotency key: the conversation has gone on since.

        Raises:
            InputError: the key was sent with another request.
        """
        key, tenant = who.heard.idempotency_key, who.heard.by.tenant
        run = self._store.run_of_key(key, tenant) if key is not None else None
        if run is not None and key is not None and not is_same(run.fingerprint, who.served.fingerprint(who.heard.wish)):
            raise key_reused(key, run_id=run.id, thread_id=run.thread_id)
        return run

    # -- finding the place ---------------------------------------------------------------------------------------

    def _known(self, heard: Heard, before: Sequence[Message]) -> Conversation | None:
        tenant = heard.by.tenant
        if heard.place is not None and heard.thread is not None:
            # A thread that was made by other means has no conversation yet, and is one all the same.
            return self._store.conversation(heard.place, tenant) or Conversation(heard.thread)
        return self._store.conversation(name_of(heard.model, heard.whose, before), tenant) if before else None

    async def _thread(self, known: Conversation | None, by: Caller) -> Thread | None:
        try:
            thread = await self._desk.threads.get(known.thread_id, by.tenant) if known is not None else None
        except NotFoundError:
            return None
        return thread if thread is not None and await by.sees(thread) else None

    async def _go_on(self, who: Answering, known: Conversation, thread: Thread) -> Turn:
        before, new = divided(who.heard.messages)
        pending = [
            question
            for question in await self._questions(who, thread.id, thread.interrupts)
            if who.heard.thread is not None or question.id in known.asked
        ]
        if pending:
            values = answers(pending, words_of(new))
            if values is None:
                return self._say(who, thread.id, not_understood(pending), pending)
            return await self._run(who, thread.id, {"command": {"resume": values}})
        if known.asked and who.heard.thread is None:
            # Answered by the link, or by somebody else: what came of it is what there is to say.
            return await self._run(who, thread.id, {})
        if not who.served.lasting:
            return await self._start(who, None, who.heard.messages)
        request: dict[str, Any] = {"input": await self._input(who, new)}
        newest = await self._checkpoint(who, thread.id)
        if who.heard.thread is None and known.checkpoint_id not in (None, newest):
            # One that is named goes on where it is, whoever has said something on it meanwhile.
            if await self._went_back(known, thread):
                if not await self._is_there(who, thread.id, known.checkpoint_id):
                    return await self._start(who, None, who.heard.messages)
                request["checkpoint"] = {"checkpoint_id": known.checkpoint_id}
            elif thread.status != "busy":
                # To say this in other words is to go back behind what others have said, not before it.
                here = replace(known, checkpoint_id=newest)
                name = name_of(who.heard.model, who.heard.whose, before)
                await self._store.keep_conversation(name, who.heard.by.tenant, here)
        return await self._run(who, thread.id, request)

    async def _went_back(self, known: Conversation, thread: Thread) -> bool:
        """Whether the client went back in its conversation, and the thread is to go back with it: something was said
        in chats since. Else others have moved the thread on, and it goes on from there."""
        if known.run_id is None:
            return True
        which = Search(tenant=thread.tenant, fields={"thread_id": thread.id}, sort_by="seq", limit=_SINCE)
        since = takewhile(lambda run: run.id != known.run_id, await self._desk.search(which))
        return any(run.metadata.get("source") == CHAT for run in since)

    async def _begin(self, who: Answering) -> Turn:
        """Clients name their conversations as they like; what somebody else has so named is not theirs."""
        name, messages = who.heard.thread, who.heard.messages
        if name is not None:
            try:
                return await self._start(who, name, messages)
            except NotFoundError as error:  # another user's
                if error.code != "thread_not_found":
                    raise
        return await self._start(who, None, messages)

    async def _start(self, who: Answering, thread_id: str | None, messages: Sequence[Message]) -> Turn:
        return await self._run(who, thread_id, {"input": await self._input(who, messages)})

    async def _input(self, who: Answering, messages: Sequence[Message]) -> Any:
        schemas = await who.served.schemas()
        schema = schemas.get("input_schema")
        return input_of(who.assistant.graph, schema, messages, whole=not who.served.lasting)

    async def _checkpoint(self, who: Answering, thread_id: str) -> str | None:
        state = await self._desk.threads.state(thread_id, who.heard.by.tenant, Place(), subgraphs=False)
        return str(found) if (found := state["checkpoint_id"]) is not None else None

    async def _is_there(self, who: Answering, thread_id: str, checkpoint_id: str | None) -> bool:
        place = Place(checkpoint_id=checkpoint_id)
        try:
            await self._desk.threads.state(thread_id, who.heard.by.tenant, place, subgraphs=False)
        except NotFoundError:
            return False
        return True

    async def _questions(
        self, who: Answering, thread_id: str, interrupts: Mapping[str, Sequence[Mapping[str, Any]]]
    ) -> list[Question]:
        asked = [each for group in interrupts.values() for each in group]
        link = who.heard.link
        return [Question(each["id"], each["value"], await link(thread_id, each["id"], each["value"])) for each in asked]

    # -- answering -----------------------------------------------------------------------------------------------

    async def _run(self, who: Answering, thread_id: str | None, request: Mapping[str, Any]) -> Turn:
        heard = who.heard
        run = await self._desk.put(
            Wanted(
                assistant=who.assistant.id,
                by=heard.by,
                thread_id=thread_id,
                request={**request, "stream_mode": ["messages-tuple"]},
                metadata=heard.metadata,
                make_thread=True,
                idempotency_key=heard.idempotency_key,
                meant=heard.wish,
            )
        )
        await self._store.keep_conversation(heard.name, heard.by.tenant, Conversation(run.thread_id, run.id))
        return self._follow(who, run)

    def _follow(self, who: Answering, run: Run) -> Turn:
        async def source(quiet: float) -> AsyncIterator[str | None]:
            voice = Voice(who.served.speaks, turn.tokens)
            async for piece in followed(await self._desk.log(run), voice, quiet):
                yield piece
            ended = await self._desk.outcome(run)
            if ended.status in ("error", "timeout"):
                raise failure(run, ended)
            asked = await self._questions(who, run.thread_id, ended.interrupts)
            turn.asked = bool(asked)
            if last := _last_words(who.served, ended, asked, voice.text):
                yield last
            await self._remember(who, Conversation(run.thread_id, run.id), voice.text + last, asked)

        turn = Turn(run.thread_id, run.id, source)
        return turn

    def _say(self, who: Answering, thread_id: str, words: str, asked: Sequence[Question]) -> Turn:
        """An answer that takes no run."""

        async def source(quiet: float) -> AsyncIterator[str | None]:
            yield words
            await self._remember(who, Conversation(thread_id), words, asked)

        return Turn(thread_id, None, source, asked=True)

    async def _remember(self, who: Answering, at: Conversation, words: str, asked: Sequence[Question]) -> None:
        heard, tenant = who.heard, who.heard.by.tenant
        checkpoint = await self._checkpoint(who, at.thread_id) if who.served.lasting else None
        kept = Conversation(at.thread_id, at.run_id, checkpoint, tuple(question.id for question in asked))
        said = [*heard.messages, {"role": "assistant", "content": words}]
        names = [name_of(heard.model, heard.whose, said), *([heard.place] if heard.place else [])]
        for name in names:
            await self._store.keep_conversation(name, tenant, kept)


def _last_words(served: Served, ended: Ended, asked: Sequence[Question], shown: str) -> str:
    """What is to be said after the words that came by themselves."""
    state = orjson.loads(to_bytes(ended.state))
    if asked:
        words = wording(asked)
    elif ended.status == "success":
        words = answer_of(state, OF_STATE) if served.lasting else answer_of(state["output"])
        if shown.rstrip().endswith(words.rstrip()):
            return ""
    else:
        words = "It was stopped before it had an answer."
    return f"\n\n{words}" if shown else words
