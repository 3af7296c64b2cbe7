"""The public face: what others build on changes only on purpose."""

import inspect

import graphs.expressions as face


def test_the_names_are_these() -> None:
    assert sorted(face.__all__) == [
        "ANY",
        "Condition",
        "EvaluationContext",
        "Expression",
        "Finding",
        "ROOTS",
        "Reference",
        "Secret",
        "Shape",
        "Template",
        "check",
        "contains_secret",
        "list_shape",
        "mask",
        "object_shape",
        "parse_condition",
        "parse_expression",
        "parse_template",
        "reveal",
        "shape_from_schema",
        "template_errors",
        "unparse",
        "verdict",
    ]


def test_the_roots_are_these() -> None:
    assert set(face.ROOTS) == {
        *("input", "vars", "steps", "execution", "item", "index", "event", "response"),
        *("output", "error", "env", "secrets", "loop", "state", "approval"),
    }


def test_the_signatures_are_these() -> None:
    found = {
        name: str(inspect.signature(function)).replace("graphs.expressions.", "")
        for name, function in {
            "evaluate": face.Expression.evaluate,
            "render": face.Template.render,
            "holds": face.Condition.evaluate,
            "parse_expression": face.parse_expression,
            "parse_template": face.parse_template,
            "parse_condition": face.parse_condition,
        }.items()
    }
    scope = "(self, scope: collections.abc.Mapping[str, typing.Any], context: frame.EvaluationContext | None = None)"
    assert found["evaluate"] == f"{scope} -> Any"
    assert found["holds"] == f"{scope} -> bool"
    assert found["render"].endswith("context: frame.EvaluationContext | None = None) -> Any")
    assert found["parse_expression"] == "(source: str) -> expression.Expression"
    assert found["parse_template"] == "(value: Any) -> template.Template"
    assert found["parse_condition"] == "(source: str | bool) -> condition.Condition"
