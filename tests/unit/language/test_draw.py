"""Workflows as Mermaid: what is shown, and that no text can become syntax."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.draw import draw_workflow
from graphs.spec import Workflow
from graphs.state import StepStatus
from graphs.steps import StepTypes, Waiting
from tests.support.language import STEP_TYPES, with_steps, workflow
from tests.support.mermaid import Chart, read
from tests.unit.language.test_examples import ALL, registration


def drawn(steps: str, statuses: dict[str, str] | None = None) -> Chart:
    return read(draw_workflow(workflow(with_steps(steps)), statuses=statuses))


@pytest.mark.capability("C16")
def test_the_registration_workflow() -> None:
    chart = read(draw_workflow(registration()))
    assert chart.arrows() == {
        ("validate_input", "create_user_account", ""),
        ("create_user_account", "create_user_profile", ""),
        ("create_user_account", "send_welcome_email", ""),
        ("send_welcome_email", "wait_for_verification", ""),
        ("wait_for_verification", "activate_user_account", ""),
        ("create_user_profile", "activate_user_account", ""),
        ("activate_user_account", "send_activation_notification", ""),
        ("wait_for_verification", "user-cleanup-workflow", ".on timeout"),
        ("cleanup_user_account", "cleanup_user_profile", ""),
    }
    assert chart.nodes[chart.id("wait_for_verification")] == ("hexagon", "wait_for_verification\nwait_for_event")
    assert chart.nodes[chart.id("cleanup_user_profile")][1].endswith("\nif steps.create_user_profile.completed")
    assert chart.inside[chart.id("cleanup_user_profile")] == chart.id("compensation")


@pytest.mark.capability("C16")
@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_definition_of_the_library_can_be_drawn(path: Any) -> None:
    made = workflow(path.read_text(encoding="utf-8"))
    chart = read(draw_workflow(made, step_types=STEP_TYPES))
    shown = {text.split("\n")[0] for _, text in chart.nodes.values()} | {
        text.split("\n")[0] for text in chart.frames.values()
    }
    assert {step.name for step in made.spec.steps} <= shown


@pytest.mark.capability("C16")
def test_shapes_tell_who_acts_waits_decides_and_reasons() -> None:
    chart = drawn("""
    - {name: act, type: delay, config: {seconds: 1}}
    - {name: call, config: {service: s, endpoint: /}}
    - {name: ask, type: approval}
    - {name: think, type: agent, config: {message: x}}
    """)
    shapes = {text.split("\n")[0]: shape for shape, text in chart.nodes.values()}
    assert shapes == {"act": "hexagon", "call": "rectangle", "ask": "hexagon", "think": "stadium"}


@pytest.mark.capability("C16", "X06")
def test_arrows_say_the_outcome_and_next_is_an_arrow_too() -> None:
    chart = drawn("""
    - {name: a, type: delay, config: {seconds: 1}, next: [d]}
    - {name: b, type: delay, config: {seconds: 1}, depends_on: [{step: a, outcome: failed}]}
    - {name: c, type: delay, config: {seconds: 1}, depends_on: [{step: a, outcome: settled}]}
    - {name: d, type: delay, config: {seconds: 1}}
    """)
    assert chart.arrows() == {("a", "b", "failed"), ("a", "c", "settled"), ("a", "d", "")}


@pytest.mark.capability("C16", "F05", "F06", "F13", "F14")
def test_composite_steps_are_frames() -> None:
    chart = drawn("""
    - name: choice
      type: conditional
      config: {if: "{{ input.amount > 1000 }}"}
      then: [{name: review, type: approval}, {name: book, type: delay, config: {seconds: 1}}]
      else: {name: accept, type: delay, config: {seconds: 1}}
    - name: route
      type: switch
      depends_on: [choice]
      config: {on: "{{ input.kind }}"}
      cases:
        - {name: big, equals: 1, steps: [{name: x, type: delay, config: {seconds: 1}}]}
        - {equals: small, steps: []}
        - {when: input.other, steps: [{name: y, type: delay, config: {seconds: 1}}]}
      default: [{name: z, type: delay, config: {seconds: 1}}]
    - name: both
      type: parallel
      branches:
        left: [{name: l1, type: delay, config: {seconds: 1}}, {name: l2, type: delay, config: {seconds: 1}}]
        right: [{name: r1, type: delay, config: {seconds: 1}}]
      steps: [{name: alone, type: delay, config: {seconds: 1}}, {name: too, type: delay, config: {seconds: 1}}]
    """)
    assert chart.arrows() == {
        ("choice", "route", ""),
        ("input.amount > 1000", "review", "then"),
        ("input.amount > 1000", "accept", "else"),
        ("review", "book", ""),
        ("input.kind", "x", "big"),
        ("input.kind", "y", "input.other"),
        ("input.kind", "z", "default"),
        ("l1", "l2", ""),
    }
    assert chart.inside[chart.id("review")] == chart.id("choice")
    assert chart.inside[chart.id("l2")] == chart.id("left")
    assert chart.inside[chart.id("left")] == chart.id("both")
    assert chart.inside[chart.id("alone")] == chart.id("both")
    assert chart.nodes[chart.id("input.kind")][0] == "diamond"


@pytest.mark.capability("C16", "E11", "E17")
def test_what_happens_after_a_failure_is_dotted() -> None:
    chart = drawn("""
    - name: book
      config: {service: s, endpoint: /}
      compensate: {name: cancel, config: {service: s, endpoint: /}}
      on_failure: {action: fallback, fallback: {name: ask, type: approval}}
    """)
    assert chart.arrows() == {("book", "ask", ".on failure"), ("book", "cancel", ".undo")}
    assert chart.nodes[chart.id("cancel")][0] == "subroutine"
    assert chart.nodes[chart.id("ask")][0] == "hexagon"


@pytest.mark.capability("C16", "O01")
def test_statuses_are_colours_and_of_several_items_the_most_urgent_counts() -> None:
    chart = drawn(
        """
        - name: a
          type: delay
          config: {seconds: 1}
          on_failure: {action: fallback, fallback: {name: f, type: delay, config: {seconds: 1}}}
        - name: orders
          type: map
          config: {items: []}
          steps: [{name: charge, type: delay, config: {seconds: 1}}]
        - name: both
          type: parallel
          branches: {left: [{name: x, type: delay, config: {seconds: 1}}]}
        """,
        {
            "a": "failed",
            "a~fallback": "completed",
            "orders": "running",
            "orders[0].charge": "completed",
            "orders[1].charge": "waiting",
            "both.left.x": "skipped",
            "nobody": "failed",
        },
    )
    colours = {chart._name(key): status for key, status in chart.classes.items()}
    assert colours == {"a": "failed", "f": "completed", "orders": "running", "charge": "waiting", "x": "skipped"}


@pytest.mark.parametrize("status", list(StepStatus))
def test_every_status_has_a_colour(status: StepStatus) -> None:
    chart = drawn("- {name: a, type: delay, config: {seconds: 1}}", {"a": status})
    assert chart.classes == {chart.id("a"): status.value}


def test_types_that_are_not_built_in() -> None:
    class Sensor(Waiting):
        name = "sensor"

    made = Workflow.model_validate(
        {"metadata": {"name": "w"}, "spec": {"steps": [{"name": "a", "type": "sensor"}, {"name": "b", "type": "odd"}]}}
    )
    chart = read(draw_workflow(made, step_types=StepTypes([Sensor()])))
    assert [shape for shape, _ in chart.nodes.values()] == ["hexagon", "rectangle"]


@pytest.mark.parametrize(
    "name", ["end", "End", "END", "default", "subgraph", "graph", "click", "class", "style", "o", "x"]
)
def test_names_that_mean_something_to_mermaid(name: str) -> None:
    chart = drawn(f"""
    - {{name: {name}, type: delay, config: {{seconds: 1}}}}
    - name: after
      type: sequence
      depends_on: [{name}]
      steps: [{{name: {name}, type: delay, config: {{seconds: 1}}}}]
    """)
    assert chart.arrows() == {(name, "after", "")}


HOSTILE = [
    'a"]; click n1 "javascript:alert(1)"',
    "<script>alert(1)</script>",
    "%%{init: {'securityLevel': 'loose'}}%%",
    "`**bold**` & #quot; #35; ] } ) |",
    "line\nbreak\r\n\tand a tab",
    "ünïcödé 你好 🎉 \u202e",
    "a -- b --> c",
    "\\",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_syntax(text: str) -> None:
    made = Workflow.model_validate(
        {
            "metadata": {"name": "w"},
            "spec": {
                "steps": [
                    {"name": "a", "condition": text},
                    {"name": "b", "type": "switch", "config": {"on": text}, "cases": [
                        {"equals": text, "steps": [{"name": "c"}]}, {"when": text, "steps": [{"name": "d"}]}]},
                ]
            },
        }
    )  # fmt: skip
    chart = read(draw_workflow(made))
    shown = " ".join(text.split())[:20]
    assert shown in " ".join(chart.nodes[chart.id("a")][1].split())


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60))
def test_any_condition_can_be_drawn(text: str) -> None:
    made = Workflow.model_validate({"metadata": {"name": "w"}, "spec": {"steps": [{"name": "a", "condition": text}]}})
    read(draw_workflow(made))
