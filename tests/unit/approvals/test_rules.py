"""The rules of approvals, judged without a store: examples, and properties over random acts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from graphs.errors import BatonError, ConflictError, InputError, NotAllowedError
from graphs.steps import Wait
from orchestrator.approvals import rules
from orchestrator.approvals.rules import Given
from orchestrator.approvals.values import Approval, Desk, Person, Vote
from orchestrator.store.values import OpenWait

NOW = datetime(2026, 1, 1, tzinfo=UTC)
APPROVE, REJECT = Given(decision="approve"), Given(decision="reject")


def approval(*assignees: str, desk: Desk | None = None, due: datetime | None = None, **more: Any) -> Approval:
    question = {"message": "?", "payload": {"amount": 3}, "allow": ["approve", "reject"]}
    own = {key: more.pop(key) for key in ("started_by", "decided_by") if key in more}
    schema = more.pop("schema", None)
    wait = Wait(kind="approval", question=question | more, due=due, response_schema=schema, assignees=tuple(assignees))
    return Approval(
        seq=1,
        wait=OpenWait(execution_id="e", path="ask", generation=0, wait=wait, status="open", answer=None, opened_at=NOW),
        desk=desk or Desk(),
        workflow="w",
        version="1",
        tenant="default",
        **own,
    )


def person(name: str | None, *groups: str) -> Person:
    return Person(name, frozenset(groups))


def code_of(act: Any) -> str:
    with pytest.raises(BatonError) as caught:
        act()
    return caught.value.code


def test_who_is_named_may_decide_and_nobody_else() -> None:
    asked = approval("ann", "group:finance")
    for who in (person("ann"), person("ben", "finance")):
        assert rules.decided(asked, who, APPROVE, NOW).answer is not None
    with pytest.raises(NotAllowedError, match=r"not for cat to decide\. It is for ann, the group finance\."):
        rules.decided(asked, person("cat", "sales"), APPROVE, NOW)
    with pytest.raises(NotAllowedError, match="not for anybody to decide"):
        rules.decided(asked, person(None), APPROVE, NOW)


def test_where_nobody_is_named_whoever_may_approve_at_all_may_decide() -> None:
    assert rules.decided(approval(), person("cat"), APPROVE, NOW).answer is not None


def test_a_person_called_like_a_group_is_not_the_group() -> None:
    assert code_of(lambda: rules.decided(approval("group:finance"), person("finance"), APPROVE, NOW)) == (
        "not_your_approval"
    )
    assert code_of(lambda: rules.decided(approval("ann"), person("x", "ann"), APPROVE, NOW)) == "not_your_approval"


def test_a_quorum_takes_different_people() -> None:
    asked = approval(quorum=2)
    first = rules.decided(asked, person("ann"), APPROVE, NOW)
    assert (first.kind, first.answer) == ("approval.voted", None)
    after = approval(quorum=2, desk=first.desk)
    with pytest.raises(ConflictError, match="'ann' has approved 'ask' already; 2 different people are needed"):
        rules.decided(after, person("ann"), APPROVE, NOW)
    second = rules.decided(after, person("ben"), APPROVE, NOW)
    assert second.answer is not None
    assert (second.answer.outcome, second.answer.by) == ("approved", "ann, ben")


def test_one_rejection_is_enough() -> None:
    asked = approval(quorum=3, desk=Desk(votes=(Vote("ann", NOW.isoformat()),)))
    turn = rules.decided(asked, person("ben"), REJECT, NOW)
    assert turn.answer is not None
    assert turn.answer.outcome == "rejected"


def test_nobody_counts_for_no_quorum() -> None:
    assert code_of(lambda: rules.decided(approval(quorum=2), Person(), APPROVE, NOW)) == "nobody_named"


def test_who_started_it_does_not_approve_it() -> None:
    asked = approval(separate_from=["starter"], started_by="ann")
    with pytest.raises(NotAllowedError, match="'ann' started the execution, so somebody else has to decide 'ask'"):
        rules.decided(asked, person("ann"), APPROVE, NOW)
    # Also whoever is trusted to say who they are: the rule is about who, not about rights.
    assert code_of(lambda: rules.decided(asked, Person("ann"), APPROVE, NOW)) == "duties_not_separate"
    assert code_of(lambda: rules.decided(asked, Person(), APPROVE, NOW)) == "nobody_named"
    assert rules.decided(asked, person("ben"), APPROVE, NOW).answer is not None


def test_who_decided_another_approval_does_not_decide_this_one() -> None:
    asked = approval(separate_from=["first"], decided_by={"first": ("ann", "ben")})
    assert code_of(lambda: rules.decided(asked, person("ben"), APPROVE, NOW)) == "duties_not_separate"
    assert rules.decided(asked, person("cat"), APPROVE, NOW).answer is not None


def test_a_claim_keeps_others_from_deciding_until_it_is_released() -> None:
    claimed = approval(desk=rules.claimed(approval(), person("ann"), NOW).desk)
    with pytest.raises(ConflictError, match="is claimed by ann"):
        rules.decided(claimed, person("ben"), APPROVE, NOW)
    assert code_of(lambda: rules.claimed(claimed, person("ben"), NOW)) == "approval_claimed"
    assert code_of(lambda: rules.released(claimed, person("ben"), NOW)) == "approval_claimed"
    assert rules.claimed(claimed, person("ann"), NOW + timedelta(hours=1)).desk == claimed.desk
    assert rules.released(claimed, person("ann"), NOW).desk.claimed_by is None
    assert rules.released(claimed, person("root"), NOW, force=True).desk.claimed_by is None
    assert rules.decided(claimed, person("ann"), APPROVE, NOW).answer is not None
    assert code_of(lambda: rules.released(approval(), person("ann"), NOW)) == "not_claimed"


def test_what_several_decide_nobody_claims() -> None:
    assert code_of(lambda: rules.claimed(approval(quorum=2), person("ann"), NOW)) == "quorum_not_claimed"


def test_delegating_hands_on_ones_own_part() -> None:
    turn = rules.delegated(approval("ann", "ben"), person("ann"), "cat", NOW, reason="away")
    assert turn.desk.assignees == ("ben", "cat")
    handed = approval("ann", "ben", desk=turn.desk)
    assert code_of(lambda: rules.decided(handed, person("ann"), APPROVE, NOW)) == "not_your_approval"
    assert rules.decided(handed, person("cat"), APPROVE, NOW).answer is not None
    assert code_of(lambda: rules.delegated(approval("ann"), person("ben"), "ben", NOW, reason=None)) == (
        "not_your_approval"
    )


def test_who_has_voted_cannot_vote_again_through_another() -> None:
    voted = approval("ann", "ben", quorum=2, desk=Desk(votes=(Vote("ann", NOW.isoformat()),)))
    assert code_of(lambda: rules.delegated(voted, person("ann"), "cat", NOW, reason=None)) == "voted_already"


def test_reassigning_replaces_all_and_ends_a_claim() -> None:
    claimed = approval("ann", desk=Desk(claimed_by="ann"))
    turn = rules.reassigned(claimed, person("root"), ["dan"], NOW, reason=None)
    assert (turn.desk.assignees, turn.desk.claimed_by) == (("dan",), None)
    assert code_of(lambda: rules.reassigned(claimed, person("root"), [], NOW, reason=None)) == "nobody_named"


def test_escalation_lets_more_people_decide_as_time_goes_by() -> None:
    chain = [{"after": 3600, "to": ["boss"]}, {"after": 7200, "to": ["group:board"]}]
    asked = approval("ann", escalation=chain)
    for hours, deciders in ((0.5, ("ann",)), (1, ("ann", "boss")), (3, ("ann", "boss", "group:board"))):
        assert asked.deciders(NOW + timedelta(hours=hours)) == deciders
    assert code_of(lambda: rules.decided(asked, person("boss"), APPROVE, NOW)) == "not_your_approval"
    assert rules.decided(asked, person("boss"), APPROVE, NOW + timedelta(hours=1)).answer is not None


def test_escalation_still_reaches_those_above_when_it_was_reassigned() -> None:
    asked = approval("ann", desk=Desk(assignees=("dan",)), escalation=[{"after": 60, "to": ["boss"]}])
    assert asked.deciders(NOW + timedelta(minutes=2)) == ("dan", "boss")


def test_a_decision_is_bound_to_what_was_shown() -> None:
    asked = approval()
    bound = Given(decision="approve", digest=asked.digest)
    assert rules.decided(asked, person("ann"), bound, NOW).answer is not None
    changed = approval(payload={"amount": 4})
    with pytest.raises(ConflictError, match="is not what you were shown") as caught:
        rules.decided(changed, person("ann"), bound, NOW)
    assert caught.value.code == "approval_changed"


def test_who_may_decide_is_no_part_of_what_is_shown() -> None:
    assert approval("ann").digest == approval("ben", desk=Desk(claimed_by="x")).digest


def test_after_its_time_nothing_is_decided() -> None:
    asked = approval(due=NOW + timedelta(hours=1))
    assert rules.decided(asked, person("ann"), APPROVE, NOW + timedelta(hours=1)).answer is not None
    assert code_of(lambda: rules.decided(asked, person("ann"), APPROVE, NOW + timedelta(hours=1, seconds=1))) == (
        "wait_elapsed"
    )


def test_an_edit_must_fit_the_schema_of_what_is_asked() -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "number", "maximum": 5}}}
    asked = approval(allow=["approve", "edit"], schema=schema)
    edit = Given(decision="edit", data={"amount": 4})
    turn = rules.decided(asked, person("ann"), edit, NOW)
    assert turn.answer is not None
    assert turn.answer.data == {"amount": 4}
    with pytest.raises(InputError):
        rules.decided(asked, person("ann"), Given(decision="edit", data={"amount": 9}), NOW)
    assert code_of(lambda: rules.decided(asked, person("ann"), REJECT, NOW)) == "decision_not_allowed"


NAMES = st.sampled_from(["ann", "ben", "cat", "dan"])
ACTS = st.lists(
    st.tuples(st.sampled_from(["vote", "claim", "release", "delegate"]), NAMES, NAMES), min_size=1, max_size=25
)


@for_all(acts=ACTS, quorum=st.integers(1, 3), starter=NAMES)
def test_whatever_people_do_an_approval_has_as_many_different_approvers_as_it_needs(
    acts: list[tuple[str, str, str]], quorum: int, starter: str
) -> None:
    desk, voters = Desk(), set[str]()
    for act, who, other in acts:
        asked = approval("ann", "ben", "cat", desk=desk, quorum=quorum, separate_from=["starter"], started_by=starter)
        try:
            match act:
                case "vote":
                    turn = rules.decided(asked, person(who), APPROVE, NOW)
                    assert who != starter
                    assert who in asked.deciders(NOW)
                    assert desk.claimed_by in (None, who)
                    voters.add(who)
                case "claim":
                    turn = rules.claimed(asked, person(who), NOW)
                case "release":
                    turn = rules.released(asked, person(who), NOW)
                case _:
                    turn = rules.delegated(asked, person(who), other, NOW, reason=None)
        except BatonError:
            continue
        desk = Desk.from_document(turn.desk.as_document())
        assert desk == turn.desk  # kept and read back, it is the same
        if turn.answer is not None:
            assert len(voters) == quorum
            return
    assert len(voters) < quorum
