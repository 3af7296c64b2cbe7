"""What models are told of the language is so."""

import re

from agents.planning.language import LANGUAGE
from graphs.loader import examine_text
from orchestrator.plugins import installed_step_types


def test_a_model_is_told_of_no_key_that_a_step_type_does_not_have() -> None:
    types = installed_step_types()
    told = re.findall(r"\b(\w+): config \{([^}]*)\}", LANGUAGE)
    assert len(told) >= 12
    for name, keys in told:
        known = {field.alias or key for key, field in types[name].Config.model_fields.items()}
        assert set(re.split(r", | or ", keys)) <= known, name


def test_the_example_that_a_model_is_shown_can_be_run() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", LANGUAGE, re.DOTALL)
    report = examine_text(example, step_types=installed_step_types())
    assert report.workflow is not None and not report.problems
