"""A workflow from its file to its end, and answers from other terminals meanwhile."""

import pytest

from tests.acceptance.cli.support import Place

TWO_STEPS = """
    - {name: first, type: function, config: {function: note, args: {path: effects, text: "{{ input.word }}"}}}
    - {name: pause, type: delay, depends_on: [first], config: {duration: 30ms}}
"""
QUESTION = """
    - {name: hold, type: function, config: {function: until, args: {path: go}}}
    - {name: ask, type: approval, config: {message: "Pay?", payload: {amount: 12, to: Ada}, allow: [approve, edit]}}
    - name: pay
      type: function
      depends_on: [ask]
      config: {function: note, args: {path: effects, text: "{{ steps.ask.output.data.amount }}"}}
"""
EVENT = """
    - {name: wait, type: wait_for_event, config: {event_type: order.paid, filter: {order: 17, "by.name": Ada}}}
    - {name: echo, type: function, depends_on: [wait],
       config: {function: note, args: {path: effects, text: "{{ steps.wait.output.event_data.total }}"}}}
"""
OUTPUT = '  output: {values: {word: "{{ steps.first.output.text }}"}}\n'


@pytest.mark.capability("C01", "D20", "O13", "O24")
def test_a_workflow_runs_from_its_file_to_its_end(place: Place) -> None:
    """Lines in a pipe, the output as JSON, exit code 0; the effect happened once."""
    done = place.baton("run", place.flow("hello", TWO_STEPS, OUTPUT), "--input", "word=yes")
    assert (done.code, done.err) == (0, "")
    assert "✓ first  " in done.out
    assert "✓ completed in " in done.out
    assert done.out.rstrip().endswith('{\n  "word": "yes"\n}')
    assert place.read("effects") == ["yes"]


@pytest.mark.capability("I08", "O01", "O23", "O08")
def test_an_approval_from_a_second_terminal_is_taken_up_while_other_steps_run(place: Place) -> None:
    """The first terminal shows the command that answers; typed in the second, it works as it stands."""
    first = place.start("run", place.flow("ask", QUESTION), "--until-end")
    command = first.sees("baton approve").split()
    assert command[:2] == ["baton", "approve"]
    edit = place.baton("approve", command[2], "ask", "--edit", "amount:=90", "--by", "Grace", "--json")
    assert edit.json["decision"]["data"] == {"amount": 90, "to": "Ada"}
    assert "by Grace" in first.sees("✓ ask")
    first.sees("✓ pay")
    assert place.read("effects") == ["90"], "it was paid while 'hold' still ran"
    place.touch("go")
    done = first.ends()
    assert done.code == 0
    assert "✓ hold" in done.out


@pytest.mark.capability("I04", "I13", "X07")
def test_an_event_from_a_second_terminal_goes_on_with_what_waits_for_it(place: Place) -> None:
    """Also at rest: the engine hears of it within a moment. The command shown carries data that match."""
    first = place.start("run", place.flow("paid", EVENT), "--until-end")
    command = first.sees("baton event")
    assert 'order.paid --data \'{"order":17,"by":{"name":"Ada"}}\'' in command
    other = place.baton("event", "order.paid", "--data", '{"order": 18, "by": {"name": "Ada"}}')
    assert "Nobody waits for it" in other.out
    right = place.baton(
        "event", "order.paid", "--data", "order:=17", "--data", 'by:={"name": "Ada"}', "--data", "total:=5", "--json"
    )
    assert [match["path"] for match in right.json["event"]["matched"]] == ["wait"]
    assert first.ends().code == 0
    assert place.read("effects") == ["5"]


@pytest.mark.capability("O23", "ST1")
def test_a_cancel_from_a_second_terminal_ends_what_runs(place: Place) -> None:
    """Exit code 5, and the reason is told."""
    first = place.start("run", place.flow("ask", QUESTION), "--id", "order-17")
    first.sees("▸ hold")
    assert place.baton("cancel", "order-17", "--reason", "ordered twice", "--by", "Ada").code == 0
    done = first.ends()
    assert done.code == 5
    assert "cancelled by Ada: ordered twice" in done.out


@pytest.mark.capability("I08")
def test_without_a_terminal_a_question_ends_the_command_and_resume_goes_on_after_the_answer(place: Place) -> None:
    """A script would hang without knowing why: exit code 4, and what to type."""
    place.touch("go")
    done = place.baton("run", place.flow("ask", QUESTION), "--json")
    assert done.code == 4
    [wait] = done.json["waits"]
    approve = wait["answer_with"][0].split()
    assert approve[:2] == ["baton", "approve"]
    assert place.baton(*approve[1:]).code == 0
    assert place.baton("resume", approve[2]).code == 0
    assert place.read("effects") == ["12"]


@pytest.mark.capability("D05", "X08")
def test_a_timer_is_waited_for_as_nobody_else_would_go_on_with_it(place: Place) -> None:
    """Longer than `short_wait`, so the execution is parked in between; `--until-rest` stops there."""
    file = place.flow("nap", "    - {name: nap, type: delay, config: {duration: 900ms}}\n")
    stopped = place.baton("run", file, "--until-rest")
    assert stopped.code == 4
    assert "nap waits until" in stopped.out
    assert place.baton("run", file).code == 0
