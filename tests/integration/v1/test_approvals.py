"""Approvals under /v1: who decides what, over real HTTP, with keys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.gateway.calls import publish, start, until_rest
from tests.support.gateway.definitions import REFUND, asks, workflow
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served


@dataclass
class Office:
    """People with keys."""

    served: Served
    stack: AsyncExitStack

    async def someone(self, name: str, role: str = "approver", **more: Any) -> httpx.AsyncClient:
        key = await make_key(self.served.gateway.orchestrator, role, name=name, **more)
        return await self.stack.enter_async_context(caller(self.served.url, key))

    async def asked(self, who: httpx.AsyncClient, definition: str, name: str = "w", **body: Any) -> str:
        """Start a workflow and wait until it asks; gives the execution's id."""
        await publish(who, definition)
        execution_id = (await start(who, workflow=name, **body))["id"]
        await until_rest(self.served, execution_id)
        return str(execution_id)


@pytest.fixture
async def office(served: Served) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        yield Office(served, stack)


async def read(client: httpx.AsyncClient, execution_id: str, path: str = "ask") -> dict[str, Any]:
    answer = await client.get(f"/v1/approvals/{execution_id}/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def decide(
    client: httpx.AsyncClient, execution_id: str, decision: str = "approve", path: str = "ask", **body: Any
) -> httpx.Response:
    digest = body.pop("digest", None) or (await read(client, execution_id, path))["digest"]
    where = f"/v1/approvals/{execution_id}/{path}/decide"
    return await client.post(where, json={"decision": decision, "digest": digest, **body})


@pytest.mark.capability("I08")
async def test_an_approval_is_found_read_and_decided(office: Office) -> None:
    editor, ann = await office.someone("ed", "editor"), await office.someone("ann")
    execution_id = await office.asked(editor, REFUND, "refund", input={"amount": 20})
    [found] = (await ann.get("/v1/approvals")).json()["approvals"]
    assert (found["execution_id"], found["path"], found["payload"]) == (execution_id, "ask", {"amount": 20})
    assert (found["workflow"], found["started_by"], found["status"]) == ("refund", "ed", "open")
    decided = await decide(ann, execution_id, reason="fine")
    assert (decided.status_code, decided.json()["settled"]) == (200, True)
    assert decided.json()["answer"]["by"] == "ann"
    done = await office.served.gateway.orchestrator.wait(execution_id)
    assert (done.status, done.output) == ("completed", {"paid": 20})
    assert (await ann.get("/v1/approvals")).json()["approvals"] == []
    [over] = (await ann.get("/v1/approvals", params={"status": "answered"})).json()["approvals"]
    assert over["answer"]["reason"] == "fine"


async def test_an_edit_is_checked_and_carried_on(office: Office) -> None:
    editor = await office.someone("ed", "editor")
    execution_id = await office.asked(editor, REFUND, "refund", input={"amount": 200})
    unfit = await decide(editor, execution_id, "edit", data={"amount": 101})
    assert (unfit.status_code, unfit.json()["code"]) == (422, "input_invalid")
    assert (await decide(editor, execution_id, "edit", data={"amount": 99})).status_code == 200
    done = await office.served.gateway.orchestrator.wait(execution_id)
    assert done.output == {"paid": 99}


async def test_the_first_decision_wins_and_the_others_learn_whose_it_was(office: Office) -> None:
    editor = await office.someone("ed", "editor")
    people = [await office.someone(name) for name in ("ann", "ben", "cat")]
    execution_id = await office.asked(editor, workflow("w", asks()))
    digest = (await read(editor, execution_id))["digest"]
    answers = await asyncio.gather(*(decide(one, execution_id, digest=digest) for one in people))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    [winner] = [answer.json()["answer"]["by"] for answer in answers if answer.status_code == 200]
    for answer in answers:
        if answer.status_code == 409:
            assert (answer.json()["code"], answer.json()["by"]) == ("wait_answered", winner)


async def test_another_persons_approval_is_not_decided(office: Office) -> None:
    editor, ann, ben = [
        await office.someone(name, role) for name, role in (("ed", "editor"), ("ann", "approver"), ("ben", "approver"))
    ]
    execution_id = await office.asked(editor, workflow("w", asks(assignees=["ann"])))
    shown = (await read(ann, execution_id))["digest"]
    refused = await decide(ben, execution_id, digest=shown)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_approval")
    posing = await decide(ann, execution_id, by="ben")
    assert (posing.status_code, posing.json()["code"]) == (403, "not_yourself")
    assert (await decide(ann, execution_id)).status_code == 200


async def test_a_group_decides_through_its_members(office: Office) -> None:
    editor = await office.someone("ed", "editor")
    ann, ben = await office.someone("ann", groups=["finance"]), await office.someone("ben", groups=["sales"])
    execution_id = await office.asked(editor, workflow("w", asks(groups=["finance"])))
    assert [len((await one.get("/v1/approvals", params={"mine": True})).json()["approvals"]) for one in (ann, ben)] == [
        1,
        0,
    ]
    assert (await decide(ben, execution_id, digest="x")).status_code == 403
    assert (await decide(ann, execution_id)).status_code == 200


async def test_what_has_changed_since_it_was_read_is_not_decided(office: Office) -> None:
    editor, ann = await office.someone("ed", "editor"), await office.someone("ann")
    first = await office.asked(editor, REFUND, "refund", input={"amount": 20})
    old = (await read(ann, first))["digest"]
    other = (await start(editor, workflow="refund", input={"amount": 99}))["id"]
    await until_rest(office.served, other)
    stale = await decide(ann, other, digest=old)
    assert (stale.status_code, stale.json()["code"]) == (409, "approval_changed")
    await office.served.gateway.orchestrator.cancel(first)
    await office.served.gateway.orchestrator.wait(first)
    await editor.post(f"/v1/executions/{first}/retry", json={"from": "ask", "again": True})
    await until_rest(office.served, first)
    again = await decide(ann, first, digest=old)
    assert (again.status_code, again.json()["code"]) == (409, "approval_changed")
    missing = await ann.post(f"/v1/approvals/{first}/ask/decide", json={"decision": "approve"})
    assert (missing.status_code, missing.json()["problems"][0]["where"]) == (422, "body.digest")


async def test_two_of_three_must_agree(office: Office) -> None:
    editor = await office.someone("ed", "editor")
    ann, ben = await office.someone("ann"), await office.someone("ben")
    execution_id = await office.asked(editor, workflow("w", asks(assignees=["ann", "ben", "cat"], quorum=2)))
    first = await decide(ann, execution_id)
    assert (first.status_code, first.json()["settled"], first.json()["status"]) == (200, False, "open")
    assert [vote["by"] for vote in first.json()["votes"]] == ["ann"]
    twice = await decide(ann, execution_id)
    assert (twice.status_code, twice.json()["code"]) == (409, "voted_already")
    second = await decide(ben, execution_id)
    assert (second.status_code, second.json()["settled"]) == (200, True)
    await office.served.gateway.orchestrator.wait(execution_id)
    results = await office.served.gateway.orchestrator.results(execution_id)
    assert results["ask"]["decided_by"] == "ann, ben"


async def test_who_starts_does_not_approve(office: Office) -> None:
    editor, ann = await office.someone("ed", "editor"), await office.someone("ann")
    execution_id = await office.asked(
        editor, workflow("w", asks(separate_from=["starter"])), metadata={"started_by": "somebody else"}
    )
    refused = await decide(editor, execution_id)
    assert (refused.status_code, refused.json()["code"]) == (403, "duties_not_separate")
    forked = (await editor.post(f"/v1/executions/{execution_id}/fork", json={"at": "ask"})).json()["id"]
    await until_rest(office.served, forked)
    assert (await decide(editor, forked)).json()["code"] == "duties_not_separate"
    assert (await decide(ann, execution_id)).status_code == 200


async def test_claim_release_delegate_reassign_comment_are_kept(office: Office) -> None:
    editor, admin = await office.someone("ed", "editor"), await office.someone("root", "admin")
    ann, ben, cat = [await office.someone(name) for name in ("ann", "ben", "cat")]
    execution_id = await office.asked(editor, workflow("w", asks(assignees=["ann", "ben"])))
    where = f"/v1/approvals/{execution_id}/ask"
    claimed = await ann.post(f"{where}/claim")
    assert (claimed.status_code, claimed.json()["claimed_by"]) == (200, "ann")
    held = await decide(ben, execution_id)
    assert (held.status_code, held.json()["code"], held.json()["claimed_by"]) == (409, "approval_claimed", "ann")
    assert (await ben.post(f"{where}/release")).status_code == 409
    assert (await admin.post(f"{where}/release")).json()["claimed_by"] is None
    await ann.post(f"{where}/comment", json={"text": "I know them"})
    delegated = await ann.post(f"{where}/delegate", json={"to": "cat"})
    assert delegated.json()["assignees"] == ["ben", "cat"]
    assert (await ben.post(f"{where}/reassign", json={"assignees": ["ben"]})).status_code == 403
    reassigned = await admin.post(f"{where}/reassign", json={"assignees": ["cat"]})
    assert reassigned.json()["assignees"] == ["cat"]
    assert (await decide(ben, execution_id, digest="x")).status_code == 403
    decided = await decide(cat, execution_id)
    kinds = [record["kind"].removeprefix("approval.") for record in decided.json()["history"]]
    assert kinds == ["claimed", "released", "commented", "delegated", "reassigned", "decided"]


async def test_the_inbox_is_listed_by_person_workflow_and_deadline_in_pages(office: Office) -> None:
    editor = await office.someone("ed", "editor")
    await publish(editor, workflow("a", asks(assignees=["ann"], timeout="1h")))
    await publish(editor, workflow("b", asks()))
    ids = []
    for name in ("a", "b", "a", "b", "a"):
        ids.append((await start(editor, workflow=name))["id"])
        await until_rest(office.served, ids[-1])

    async def listed(**which: Any) -> list[str]:
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            one = (await editor.get("/v1/approvals", params={"limit": 2, **which, **cursor})).json()
            found += [item["execution_id"] for item in one["approvals"]]
            if one["next"] is None:
                return found
            cursor = {"cursor": one["next"]}

    assert await listed() == ids
    assert await listed(workflow="b") == ids[1::2]
    assert await listed(assignee="ann") == ids  # what nobody is named for is everybody's
    assert await listed(assignee="ben") == ids[1::2]
    assert await listed(due_before="2100-01-01T00:00:00Z") == ids[0::2]
    assert await listed(due_before="2020-01-01T00:00:00Z") == []
    wrong = await editor.get("/v1/approvals", params={"cursor": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "cursor_wrong")


async def test_the_command_line_is_bound_by_the_same_rules(office: Office) -> None:
    editor = await office.someone("ed", "editor")
    execution_id = await office.asked(editor, workflow("w", asks(quorum=2)))
    baton = office.served.gateway.orchestrator
    assert (await baton.decide(execution_id, "ask", "approve", by="ann")).status == "open"
    assert (await baton.decide(execution_id, "ask", "approve", by="ben")).status == "answered"


# -- links ---------------------------------------------------------------------------------------------------------


async def test_a_link_decides_once_and_looking_at_it_decides_nothing(office: Office) -> None:
    admin, ann = await office.someone("root", "admin"), await office.someone("ann")
    execution_id = await office.asked(
        admin, workflow("w", asks(assignees=["ann", "ben"], payload={"note": "<script>alert(1)</script>"}))
    )
    where = f"/v1/approvals/{execution_id}/ask/links"
    foreign = await ann.post(where, json={"name": "ben"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "not_yourself")
    made = await admin.post(where, json={"name": "ben"})
    assert made.status_code == 201
    async with httpx.AsyncClient(timeout=60) as scanner:
        for _ in range(3):
            page = await scanner.get(made.json()["url"])
            assert page.status_code == 200
            assert "&lt;script&gt;" in page.text
            assert "<script>" not in page.text
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert (await scanner.head(made.json()["url"])).status_code == 200
        assert (await read(ann, execution_id))["status"] == "open"
        used = await scanner.post(made.json()["url"], data={"decision": "approve", "text": "ok"})
        assert (used.status_code, "It is decided" in used.text) == (200, True)
        again = await scanner.post(made.json()["url"], data={"decision": "reject"})
        assert again.status_code == 409
    assert (await read(ann, execution_id))["answer"]["by"] == "ben"


async def test_a_link_votes_once_where_several_are_needed(office: Office) -> None:
    admin = await office.someone("root", "admin")
    execution_id = await office.asked(admin, workflow("w", asks(quorum=2)))
    made = await admin.post(f"/v1/approvals/{execution_id}/ask/links", json={"name": "ben"})
    async with httpx.AsyncClient(timeout=60) as mail:
        first = await mail.post(made.json()["url"], data={"decision": "approve"})
        assert "More people have to agree" in first.text
        again = await mail.post(made.json()["url"], data={"decision": "reject"})
        assert (again.status_code, again.json()["code"]) == (409, "link_used")


async def test_a_link_that_was_changed_or_is_over_decides_nothing(office: Office) -> None:
    admin = await office.someone("root", "admin")
    execution_id = await office.asked(admin, workflow("w", asks()))
    made = (await admin.post(f"/v1/approvals/{execution_id}/ask/links", json={"name": "ben"})).json()["url"]
    async with httpx.AsyncClient(timeout=60) as mail:
        for changed in (made[:-5] + "AAAAA", made.rsplit("/", 1)[0] + "/x"):
            answer = await mail.post(changed, data={"decision": "approve"})
            assert (answer.status_code, answer.json()["code"]) == (403, "link_not_valid")
        wrong = await mail.post(made, data={"decision": "explode"})
        assert (wrong.status_code, wrong.json()["code"]) == (422, "decision_unknown")


async def test_a_link_is_for_what_it_was_made_for_and_nobody_else(office: Office) -> None:
    admin = await office.someone("root", "admin")
    execution_id = await office.asked(admin, workflow("w", asks(assignees=["ann"])))
    made = (await admin.post(f"/v1/approvals/{execution_id}/ask/links", json={"name": "ben"})).json()["url"]
    async with httpx.AsyncClient(timeout=60) as mail:
        answer = await mail.post(made, data={"decision": "approve"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_approval")


async def test_a_link_ends_with_the_key_it_was_made_with(office: Office) -> None:
    admin, store = await office.someone("root", "admin"), office.served.gateway.orchestrator.store
    execution_id = await office.asked(admin, workflow("w", asks(quorum=2)))
    leaver = await office.someone("ann")
    where = f"/v1/approvals/{execution_id}/ask/links"
    hers, others = [(await who.post(where, json={})).json()["url"] for who in (leaver, admin)]
    await store.revoke_key(leaver.headers["x-api-key"].split("_")[1])
    async with httpx.AsyncClient(timeout=60) as mail:
        looked, used = await mail.get(hers), await mail.post(hers, data={"decision": "approve"})
        assert [(each.status_code, each.json()["code"]) for each in (looked, used)] == [(403, "link_expired")] * 2
        assert "key" in used.json()["detail"]
        assert (await mail.post(others, data={"decision": "approve"})).status_code == 200
    assert [vote["by"] for vote in (await read(admin, execution_id))["votes"]] == ["root"]


async def test_people_are_told_on_a_page_why_their_link_does_nothing(office: Office) -> None:
    admin = await office.someone("root", "admin")
    execution_id = await office.asked(admin, workflow("w", asks()))
    made = (await admin.post(f"/v1/approvals/{execution_id}/ask/links", json={"name": "ben"})).json()["url"]
    async with httpx.AsyncClient(
        headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, timeout=60
    ) as browser:
        for way, url, status, says in (
            ("GET", made[:-5] + "AAAAA", 403, "This link is not valid. Use it whole, as it was sent."),
            ("POST", made, 200, "Thank you. It is decided."),
            ("POST", made, 409, "is over: approved by ben"),
            ("GET", made.rsplit("/", 2)[0] + "/questions/x", 403, "This link is not valid"),
        ):
            page = await browser.request(way, url, data={"decision": "approve"} if way == "POST" else None)
            assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
            assert says in page.text
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
