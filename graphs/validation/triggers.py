"""Triggers have different names, and their expressions read the event and nothing else."""

import re
from collections.abc import Iterator, Mapping

from graphs.errors import DefinitionError, ExpressionError, InputError
from graphs.expressions import ANY, Shape, check, object_shape, parse_template
from graphs.inputs import check_input
from graphs.loading.findings import Findings
from graphs.loading.places import Place
from graphs.validation.expressions import read_field, report
from graphs.validation.fields import Field
from graphs.validation.outline import Outline
from graphs.validation.sites import View

_EVENT = object_shape({"event": object_shape({"id": Shape("text"), "type": Shape("text"), "key": ANY, "data": ANY})})
"""What a trigger's expressions see."""


def check_triggers(outline: Outline, findings: Findings) -> None:
    """Judge the triggers of a workflow."""
    spec = outline.workflow.spec
    seen: set[str] = set()
    for index, trigger in enumerate(spec.triggers):
        place = Place().at("spec", "triggers", index)
        if trigger.called in seen:
            words = f"another trigger is called '{trigger.called}' already"
            findings.add("trigger_twice", place, words, "Give each a name of its own: name: …")
        seen.add(trigger.called)
        fields = (
            Field(place.at("condition"), trigger.condition, "condition", View([]), None),
            Field(place.at("input"), trigger.input, "template", View([]), None),
        )
        for field in fields:
            if (read := read_field(field, findings)) is not None:
                for finding in check(read[0], _EVENT):
                    report(finding, read[1], findings)
        for missing in _missing(spec.input.schema_, trigger.input):
            words = f"the workflow's input needs '{missing}', which the trigger does not give"
            findings.add("trigger_input", place.at("input"), words, f"Add {missing}: '{{{{ event.data… }}}}'.")
        for violation in _misfits(spec.input.schema_, trigger.input):
            findings.add("trigger_input", place.at("input"), violation, "Give what the workflow's input takes.")


def _misfits(schema: Mapping[str, object] | None, given: Mapping[str, object] | None) -> Iterator[str]:
    """What is wrong with the fields whose values are known already."""
    if given is None:
        return
    try:
        fixed = {name: value for name, value in given.items() if parse_template(value).constant}
        check_input(schema, fixed)
    except InputError as error:
        for violation in error.details.get("violations", ()):
            field = re.split(r"[.\[]", where := str(violation["where"]))[1:2]
            if field and field[0] in fixed:
                yield f"{where}: {violation['message']}"
    except (ExpressionError, DefinitionError):  # told where it stands
        return


def _missing(schema: Mapping[str, object] | None, given: Mapping[str, object] | None) -> Iterator[str]:
    required = (schema or {}).get("required")
    if given is not None and isinstance(required, list | tuple):
        yield from (str(name) for name in required if name not in given)
