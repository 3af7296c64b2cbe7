"""Routes that a model chooses: named, recognised, asked again, never invented."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel

from agents import Failure, Models, Script, Turn
from agents.models.router import Router
from agents.models.routing import recognise
from graphs.composites.base import RouteChooser
from graphs.errors import StepError
from graphs.expressions import Secret
from graphs.steps import StepContext

Make = Callable[..., StepContext]
ROUTES = {"billing": "Money and invoices", "tech_support": "Broken things", "other": ""}


@pytest.fixture
def choose(make_context: Make) -> Callable[..., Any]:
    async def go(*turns: Turn, model: Any = "scripted:r", state: Any = "{}", reasks: int = 2) -> Any:
        models = Models(allow_real=not isinstance(model, str), scripts=[Script("r", turns=turns)])
        router, said = Router(), list[str]()
        question = {"model": model, "prompt": "Who helps?", "routes": ROUTES, "state": router.shown(state)}
        for _ in range(reasks + 1):
            answer = await router.ask(make_context(models), question, said)
            if "route" in answer:
                return answer["route"], answer["explanation"]
            said.append(answer["said"])
        return said

    return go


def route(name: str, why: str = "because") -> Turn:
    return Turn(structured={"route": name, "explanation": why})


@pytest.mark.capability("F16", "F17", "X25", "A43")
async def test_the_model_names_a_route_and_says_why(choose: Any) -> None:
    assert await choose(route("billing", "It is about money.")) == ("billing", "It is about money.")


@pytest.mark.capability("X25")
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("billing", "billing"),
        (" Billing. ", "billing"),
        ("**tech support**", "tech_support"),
        ("TECH-SUPPORT", "tech_support"),
        ('"other"', "other"),
        ("I choose billing, as it is about money.", "billing"),
        ("The route is **tech support**.", "tech_support"),
        ("billing or tech_support", None),
        ("I choose billing or tech_support.", None),
        ("I would not choose billing.", None),
        ("I can't say: billing", None),
        ("There is no other way to know.", None),
        ("The other one of them, I think.", None),
        ("rebilling", None),
        ("sales", None),
        ("", None),
        ("...", None),
    ],
)
def test_a_route_is_recognised_however_it_is_written(said: str, expected: str | None) -> None:
    assert recognise(said, ROUTES) == expected


def test_of_routes_that_read_alike_only_the_exact_one_counts() -> None:
    assert recognise("A_b", ["a-b", "A_b"]) == "A_b"
    assert recognise("a b", ["a-b", "A_b"]) is None
    assert recognise("支持", ["支持", "账单"]) == "支持"
    assert recognise("Give me a moment: a moment, please.", ["a", "b"]) is None


@pytest.mark.capability("X25")
async def test_a_model_that_names_no_route_is_told_so(choose: Any) -> None:
    assert await choose(route("sales"), route("marketing"), route("Other")) == ("other", "because")
    assert await choose(route("sales"), route("marketing"), route("legal")) == ["sales", "marketing", "legal"]


async def test_words_in_place_of_a_form_are_read(choose: Any) -> None:
    assert await choose(Turn("Tech support")) == ("tech_support", "")


async def test_a_model_without_tools_is_read_as_it_speaks(choose: Any) -> None:
    model = FakeListChatModel(responses=["hm", "It is: other"])
    assert await choose(model=model) == ("other", "")


async def test_built_in_models_route_without_a_key(choose: Any) -> None:
    assert await choose(model="scripted:first-route") == ("billing", "You said: ")
    name, why = await choose(model="scripted:echo", state={"wish": "tech_support please", "key": Secret("x9")})
    assert name == "tech_support"
    assert why == 'You said: Who helps?\n\nState:\n{"wish": "tech_support please", "key": "***"}'


async def test_a_models_failure_is_the_steps(choose: Any) -> None:
    with pytest.raises(StepError) as caught:
        await choose(Turn(failures=(Failure("rate_limit", retry_after=3, message="slow"),)))
    assert (caught.value.message, caught.value.retry_after) == (
        "model 'scripted:r' asks for fewer requests: slow",
        3.0,
    )


async def test_a_choice_of_nothing_is_refused(make_context: Make) -> None:
    question = {"model": "", "prompt": "?", "routes": {}, "state": "{}"}
    with pytest.raises(StepError, match=r"^there is no route to choose\.$"):
        await Router().ask(make_context(Models()), question, [])


async def test_without_a_model_the_default_one_is_asked(make_context: Make) -> None:
    models = Models(default="scripted:first-route")
    question = {"model": "", "prompt": "?", "routes": ROUTES, "state": "{}"}
    assert (await Router().ask(make_context(models), question, []))["route"] == "billing"


def test_it_is_what_switches_ask_for() -> None:
    assert RouteChooser in Router.__mro__
