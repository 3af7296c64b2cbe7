"""Expressions: `{{ steps.look_up.output.total }}`, `condition: input.amount > 1000`.

The grammar is that of Jinja2's expressions, read by Jinja2's own parser, so it looks as people expect. What runs is
ours: a closed tree over JSON values, in which no attribute of a Python object is ever read and nothing can loop, so
there is no sandbox to break out of. Kinds are strict, missing values are errors, secrets taint what they touch, and
every limit is a named error.

    source --syntax--> Jinja2's tree --translate--> our tree --evaluate--> closures
                                                        |--references--> what it reads --check--> what is wrong

`parse_expression`, `parse_condition` and `parse_template` read; `.evaluate` and `.render` run; `reveal` takes
secrets out, at the place of use. All raise only ExpressionError.
"""

from graphs.expressions.check import Finding, check
from graphs.expressions.condition import Condition, parse_condition
from graphs.expressions.expression import Expression, parse_expression
from graphs.expressions.frame import EvaluationContext
from graphs.expressions.references import Reference
from graphs.expressions.secret import Secret, contains_secret, mask, reveal
from graphs.expressions.shape import ANY, Shape, list_shape, object_shape, shape_from_schema
from graphs.expressions.template import Template, parse_template, template_errors
from graphs.expressions.tree import ROOTS
from graphs.expressions.unparse import unparse
from graphs.expressions.verdict import verdict

__all__ = [
    "ANY",
    "ROOTS",
    "Condition",
    "EvaluationContext",
    "Expression",
    "Finding",
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
