"""The demo's four acts. Each starts a real workflow, and shows it until it has ended.

This process only starts, watches and answers; the engine that drives is another one, which the second act kills.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from rich.table import Table

from api.demo.outside import Asked, Outside
from api.demo.processes import EngineProcess
from api.demo.stage import Stage
from api.demo.tree import StepTree
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
        executions: Every execution, as it ended.
        asked: How often the order's steps asked the services, counted by key.
    """

    baton: Orchestrator
    outside: Outside
    engine: EngineProcess
    stage: Stage
    kill: bool = True
    executions: list[Execution] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

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

    async def agent(self) -> None:
        """Act four: an agent looks into an order with tools."""
        self.stage.chapter(
            "4  An agent decides", "Reason, act with a tool, observe: with a scripted model, so no key is needed."
        )
        execution, tree = await self._start("orchestrated_agent_task", {"order_id": "ORD-12345"})
        await self._finish(execution, tree)
        result = (await self.baton.results(execution.id))["assess"]["output"]
        for call in result["tool_calls"]:
            self.stage.say(f"  {call['name']}() -> {str(call.get('result', call.get('error')))[:90]}", "dim")
        answer = result["structured"]
        self.stage.say(f"  {result['agent']}: {answer['recommendation']}, because: {answer['reason']}")

    # -- watching ----------------------------------------------------------------------------------------------

    async def _start(self, name: str, given: dict[str, Any]) -> tuple[Execution, StepTree]:
        execution = await self.baton.start(name, given)
        workflow = await self.baton.catalogue.pinned(execution)
        return execution, StepTree.of(workflow, ascii_only=self.stage.ascii_only)

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
        ended = await self.baton.get(execution.id)
        self.executions.append(ended)
        good = ended.status is ExecutionStatus.COMPLETED or rejected
        self.stage.say(f"Execution {ended.id} {ended.status}", "bold green" if good else "bold red")

    async def _ended(self, execution: Execution) -> bool:
        return (await self.baton.get(execution.id)).status.final

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
