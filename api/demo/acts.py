"""The demo's acts. Each starts a real workflow, and shows it until it has ended.

This process only starts, watches and answers; the engine that drives is another one, which the second act kills.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from rich.table import Table

from api.demo.outside import Asked, Outside
from api.demo.players.company import Company
from api.demo.players.show import Judged, show
from api.demo.processes import EngineProcess
from api.demo.provider import Fault, Provider
from api.demo.stage import Stage
from api.demo.tree import StepTree
from api.demo.voice import real_model
from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution

LOOK_SECONDS: Final = 0.05
GIVE_UP_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 4.0
SLOW_PAYMENT_SECONDS: Final = 6.0
"""How long the payment service takes to answer while the engine is to be killed: long enough on any machine."""

PHYSICIAN: Final = "review.wait_for_physician_approval"
PAYMENT: Final = "payment_processing.process_payment"
VERIFICATION: Final = "wait_for_verification"
EMAIL: Final = "john.doe@example.com"
ORDER: Final[dict[str, Any]] = {
    "order_id": "ORD-12345",
    "customer_id": "CUST-67890",
    "customer_email": "customer@example.com",
    "order_items": [
        {"sku": "ITEM-001", "quantity": 2, "price": 29.99},
        {"sku": "ITEM-002", "quantity": 1, "price": 49.99},
    ],
    "order_total": 109.97,
    "payment_method": "credit_card",
    "shipping_address": {"street": "123 Main St", "city": "Anytown", "state": "CA", "zip": "12345"},
    "customer_tier": "premium",
}


@dataclass
class Play:
    """The acts, and what came of them.

    Attributes:
        provider: Says over HTTP what scripts say; None where a real model speaks.
        companies: Opens those who play the small pieces of the last act.
        executions: Every execution, as it ended.
        asked: How often the order's steps asked the services, counted by key.
        judged: What came of the small pieces.
        kills: How often engines were killed.
    """

    baton: Orchestrator
    outside: Outside
    engine: EngineProcess
    stage: Stage
    provider: Provider | None
    companies: Callable[[], AbstractAsyncContextManager[list[Company]]]
    kill: bool = True
    executions: list[Execution] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    judged: Judged = field(default_factory=dict)
    kills: int = 0

    async def register(self) -> None:
        """Act one: a user registers, and a person clicks."""
        self.stage.chapter(
            "1  A user registers", "It waits for a click in an e-mail: a day if need be, without a process."
        )
        given = {"username": "john_doe", "email": EMAIL, "password": "correct-horse-battery"}
        execution, tree = await self._start("user-registration-workflow", given)
        await self._follow(execution, tree, lambda: self._waits(execution, tree, VERIFICATION))
        user_id = await self.outside.click_the_link(EMAIL)
        self.stage.say(f"John opens the e-mail and clicks: event user.email_verified for {user_id}", "yellow")
        await self.baton.publish_event("user.email_verified", {"user_id": user_id})
        await self._finish(execution, tree)

    async def order(self) -> None:
        """Act two: an order is processed, and its engine killed while money is being taken."""
        self.stage.chapter(
            "2  An order is paid, and the engine dies",
            "kill -9 while the payment is in flight: the card is charged, and nobody has heard the answer."
            if self.kill
            else "Four systems at once after the payment; three of them must succeed.",
        )
        if self.kill:
            await self.outside.slow_down("payment-service", "/api/payments", SLOW_PAYMENT_SECONDS)
        execution, tree = await self._start("ecommerce_order_processing", ORDER)
        if self.kill:
            await self._follow(execution, tree, lambda: self._charged(execution, tree))
            pid = self.engine.pid
            await self.engine.kill()
            self.kills += 1
            self.stage.say(f"kill -9 {pid}: the engine is gone, in the middle of process_payment", "red")
            await self.outside.speed_up("payment-service")
            await self.engine.start()
            self.stage.say(f"Another engine (process {self.engine.pid}) goes on with the same file", "green")
        await self._finish(execution, tree)
        self.asked = await self.outside.asked(execution.id)
        self._show_asked()

    async def report(self) -> None:
        """Act three: a report waits for a physician, who is you."""
        self.stage.chapter(
            "3  A report waits for a physician", "Two days if need be. The engine may come and go meanwhile."
        )
        execution, tree = await self._start("report_generation", {"patient_id": "PAT-001"})
        await self._follow(execution, tree, lambda: self._waits(execution, tree, PHYSICIAN))
        (wait,) = await self.baton.waits(execution.id)
        for finding in wait.wait.question["payload"]["findings"]:
            self.stage.say(f"  - {finding}")
        answer = await self.stage.ask(f"{wait.wait.question['message']} (yes/no)", "yes", ANSWER_SECONDS)
        by = "you" if answer is not None else "dr.sol"
        if answer is None:
            self.stage.say(
                "Nobody sits at a terminal here, so the demo decides by itself: approved by dr.sol", "yellow"
            )
        rejected = answer is not None and answer.lower().startswith("n")
        reason = "the person at the terminal said no" if rejected else None
        await self.baton.decide(execution.id, PHYSICIAN, "reject" if rejected else "approve", by=by, reason=reason)
        await self._finish(execution, tree, rejected=rejected)

    async def agent(self) -> Execution:
        """Act four: an agent looks into an order with tools."""
        self.stage.chapter(
            "4  An agent decides",
            "Reason, act with a tool, observe: with a scripted model, so no key is needed."
            if self.provider is not None
            else f"Reason, act with a tool, observe: with {real_model(os.environ)}.",
        )
        execution, tree = await self._start("orchestrated_agent_task", {"order_id": "ORD-12345"})
        await self._finish(execution, tree)
        result = (await self.baton.results(execution.id))["assess"]["output"]
        for call in result["tool_calls"]:
            self.stage.say(f"  {call['name']}() -> {str(call.get('result', call.get('error')))[:90]}", "dim")
        answer = result["structured"]
        self.stage.say(f"  {result['agent']}: {answer['recommendation']}, because: {answer['reason']}")
        return execution

    async def replay(self, assessed: Execution) -> None:
        """Act five: the same agent on a model behind HTTP, which fails at first."""
        self.stage.chapter(
            "5  The same, with another model" if self.provider is not None else "5  The same again",
            (
                "A replay: the model is asked over HTTP, in OpenAI's format, and begins with a 429 and an answer that "
                "breaks off. "
                if self.provider is not None
                else "A replay. "
            )
            + "Tools and services are not asked again: what they said is in the record.",
        )
        if self.provider is not None:
            self.provider.fail(Fault("429", retry_after=0.2), Fault("cut"))
        model = "openai:dispatch" if self.provider is not None else real_model(os.environ)
        execution = await self.baton.replay(assessed.id, "assess", model=model)
        await self._finish(execution, await self._tree(execution))
        if self.provider is not None:
            failed = sum(not one.answered for one in self.provider.asked)
            self.stage.say(f"  {failed} of {len(self.provider.asked)} requests failed, and were made again", "yellow")
        compared = await self.baton.compare(assessed.id, execution.id)
        for word, side in (("before", "left"), ("now", "right")):
            cost = compared["cost"][side]
            self.stage.say(f"  {word}: {cost['calls']} calls of {', '.join(cost['models'])}, {cost['tokens']} tokens")

    async def ask(self) -> None:
        """Act six: a request that names no workflow is planned, carried out, and answered."""
        self.stage.chapter(
            "6  A request in plain words", "A model plans a workflow for it, which is checked, and runs side by side."
        )
        model = "openai:assistant" if self.provider is not None else None
        execution = await self.baton.ask(f"How is {ORDER['order_id']} doing?", model=model)
        tree = await self._tree(execution)
        await self._follow(execution, tree, lambda: self._ended_or_asks(execution))
        for wait in await self.baton.waits(execution.id):  # a real model may plan what changes something
            self.stage.say(f"{wait.wait.question['message']} Not in a demo: rejected.", "yellow")
            await self.baton.decide(execution.id, wait.path, "reject", by="demo", reason="this is a demo")
            await self._follow(execution, tree, lambda: self._ended(execution))
        await self._tell(execution)
        self.stage.say(f"  {(self.executions[-1].output or {}).get('answer')}")

    async def pieces(self) -> None:
        """Act seven: everything else that agents can do, a line each."""
        self.stage.chapter(
            "7  What agents can do",
            "One small workflow each, from graphs/library/agents; every line is read from the records of what ran. All "
            "are carried out twice: with scripted models, and with the same asked over HTTP, in OpenAI's format. "
            "On the right: how often a model was called."
            if self.provider is not None
            else f"One small workflow each, from graphs/library/agents, with {real_model(os.environ)}; every line is "
            "read from the records of what ran.",
        )
        async with self.companies() as found:
            self.judged = await show(self.stage, found)
            self.kills += sum(company.engine.kills for company in found)

    # -- watching ----------------------------------------------------------------------------------------------

    async def _start(self, name: str, given: dict[str, Any]) -> tuple[Execution, StepTree]:
        execution = await self.baton.start(name, given)
        return execution, await self._tree(execution)

    async def _tree(self, execution: Execution) -> StepTree:
        workflow = await self.baton.catalogue.pinned(execution)
        return StepTree.of(workflow, ascii_only=self.stage.ascii_only)

    async def _follow(self, execution: Execution, tree: StepTree, reached: Callable[[], Awaitable[bool]]) -> None:
        """Show the execution until something is so.

        Raises:
            TimeoutError: it never was.
        """
        seen = 0
        with self.stage.showing(tree):
            async with asyncio.timeout(GIVE_UP_SECONDS):
                while True:
                    # Asked before the records are read: what made it so is then among them.
                    done = await reached()
                    records = await self.baton.records(execution.id, after=seen)
                    seen = max([seen, *(record.seq or 0 for record in records)])
                    tree.take(records)
                    if done:
                        return
                    await asyncio.sleep(LOOK_SECONDS)

    async def _finish(self, execution: Execution, tree: StepTree, *, rejected: bool = False) -> None:
        await self._follow(execution, tree, lambda: self._ended(execution))
        await self._tell(execution, rejected=rejected)

    async def _tell(self, execution: Execution, *, rejected: bool = False) -> None:
        ended = await self.baton.get(execution.id)
        self.executions.append(ended)
        good = ended.status is ExecutionStatus.COMPLETED or rejected
        self.stage.say(f"Execution {ended.id} {ended.status}", "bold green" if good else "bold red")

    async def _ended(self, execution: Execution) -> bool:
        return (await self.baton.get(execution.id)).status.final

    async def _ended_or_asks(self, execution: Execution) -> bool:
        return await self._ended(execution) or bool(await self.baton.waits(execution.id))

    async def _waits(self, execution: Execution, tree: StepTree, path: str) -> bool:
        """The question is open, and shown: it is kept a moment before its record is."""
        asked = any(wait.path == path for wait in await self.baton.waits(execution.id))
        return asked and tree.status(path) == "waiting"

    async def _charged(self, execution: Execution, tree: StepTree) -> bool:
        """The card is charged, and the step that asked for it is still shown at work."""
        charged = await self.outside.effects(execution.id, "payment.captured")
        return bool(charged) and tree.status(PAYMENT) == "running"

    def _show_asked(self) -> None:
        table = Table(title="What the services were asked, by idempotency key", title_justify="left", box=None)
        for heading in ("step", "asked", "repeated", "effects"):
            left = heading == "step"
            table.add_column(heading, justify="left" if left else "right", overflow="fold")
        for row in self.asked:
            table.add_row(row.step, str(row.requests), str(row.replayed), str(row.effects))
        self.stage.table(table)
        if self.kill:
            self.stage.say("Finished steps were not asked again. The payment was: under the same key, so one charge.")
