"""Names of models, judged before anything runs: providers, scripts, and what looks like a slip of the pen."""

from importlib.util import find_spec

import pytest
from langchain.chat_models.base import _BUILTIN_PROVIDERS

from agents.models.known import PROVIDERS, judge_of
from tests.unit.cli.support import Cli

pytestmark = pytest.mark.capability("C12", "I05", "F17")
ASKS = """
    - {name: ask, type: agent, config: {model: %s, message: Hello}}
    - name: way
      type: switch
      depends_on: [ask]
      config: {model: %s, prompt: Which?}
      cases: [{name: a, steps: [{name: nap, type: delay, config: {seconds: 0}}]}]
"""
MODULE = """
from agents import Models, Script, Turn


def resources():
    return [Models(allow_real=False, scripts=[Script("clerk", turns=(Turn("Hello."),))])]
"""


def test_langchains_providers_are_known() -> None:
    theirs = {name: package.partition(".")[0] for name, (package, *_) in _BUILTIN_PROVIDERS.items()}
    assert dict(PROVIDERS) == theirs


@pytest.mark.parametrize(
    ("model", "said", "hint"),
    [
        ("gpt-5-mini", "model 'gpt-5-mini' does not say which provider it is of.", "Write 'provider:model'"),
        ("opnai:gpt-5", "there is no provider 'opnai' of models", "Did you mean 'openai'?"),
        ("scripted:clrk", "there is no script 'clrk'", "Did you mean 'clerk'?"),
        (
            "openai:gpt-5-mni",
            "nothing in this engine's settings speaks of model 'openai:gpt-5-mni'",
            "'openai:gpt-5-mini'",
        ),
        ("openai:gpt-5-mini", None, ""),
        ("openai:something-else-altogether", None, ""),
        ("ollama:llama", "what speaks to models of 'ollama' is not installed here", "pip install langchain-ollama"),
        ("scripted:clerk", None, ""),
    ],
)
def test_what_is_wrong_with_a_name(model: str, said: str | None, hint: str) -> None:
    assert find_spec("langchain_ollama") is None
    problem = judge_of(["clerk"], ["openai:gpt-5-mini", "openai:gpt-4*"])(model)
    if said is None:
        assert problem is None
    else:
        assert problem is not None and problem.message == said
        assert hint in (problem.hint or "")
        assert problem.severity == ("error" if problem.code == "model_invalid" else "warning")


def test_what_nobody_has_said_is_not_judged() -> None:
    """Another engine may know other scripts."""
    assert judge_of(None, [])("scripted:anything") is None
    assert judge_of([], [])("openai:gpt-99") is None


def test_they_are_told_with_their_place(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning, for the models of another machine may be others; it runs, and fails there for good reason."""
    cli.write("models.py", MODULE)
    monkeypatch.setenv("BATON_MODULES", "models.py")
    done = cli("validate", cli.flow("asks", ASKS % ("scripted:clrk", "opnai:gpt-5")))
    assert done.code == 0
    lines = [line for line in done.out.splitlines() if "warning" in line]
    assert [line.partition(": warning: ")[0].strip() for line in lines] == ["asks.yaml:7:48", "asks.yaml:11:23"], (
        done.out
    )
    assert "step 'ask', config.model: there is no script 'clrk'. Did you mean 'clerk'?" in lines[0]
    assert "step 'way', config.model: there is no provider 'opnai' of models. Did you mean 'openai'?" in lines[1]
    invalid = cli("validate", cli.flow("says", ASKS % ("scripted:clerk", "gpt-5")))
    assert (invalid.code, "config.model: model 'gpt-5' does not say which provider it is of" in invalid.out) == (
        1,
        True,
    )
    fine = cli("validate", cli.flow("fine", ASKS % ("scripted:clerk", '"{{ input.model }}"')))
    assert "warning" not in fine.out


def test_of_an_agents_definition_too(cli: Cli) -> None:
    cli.write("clerk.yaml", "kind: Agent\nmetadata: {name: clerk}\nspec:\n  model: opnai:gpt-5\n")
    done = cli("validate", "clerk.yaml")
    assert (done.code, "clerk.yaml:4:" in done.out and "Did you mean 'openai'?" in done.out) == (0, True), done.out
