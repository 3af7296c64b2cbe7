"""`function`: Python functions as steps."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from agents.tools.function_call import FunctionConfig, FunctionStep
from agents.tools.functions import Functions
from graphs.errors import ConflictError, InputError, NotFoundError, StepError
from graphs.expressions import Secret
from graphs.steps import StepContext

Make = Callable[..., StepContext]
Run = Callable[..., Any]


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def run(functions: Functions, make_context: Make) -> Run:
    async def go(function: Any, given: Any = None, **config: Any) -> Any:
        values = FunctionConfig.model_validate({"function": function, **config})
        return await FunctionStep().run(make_context(functions, input=given), values)

    return go


class Item(BaseModel):
    sku: str
    quantity: int = 1


@dataclass
class Total:
    amount: float
    on: date


def total(items: list[Item], rate: float = 2.0) -> Total:
    return Total(sum(item.quantity for item in items) * rate, date(2026, 1, 2))


@pytest.mark.capability("I11", "D08")
async def test_a_registered_function_is_called_with_its_arguments(run: Run, functions: Functions) -> None:
    functions.function(total)
    response = await run("total", args={"items": [{"sku": "a", "quantity": "3"}, {"sku": "b"}]})
    assert response == {"amount": 8.0, "on": "2026-01-02"}


async def test_an_async_function_is_awaited_on_the_loop(run: Run) -> None:
    async def where() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert await run(where) == threading.current_thread().name


async def test_a_sync_function_cannot_block_the_loop(run: Run) -> None:
    release = threading.Event()

    def block() -> bool:
        return release.wait(10)

    task = asyncio.create_task(run(block))
    await asyncio.sleep(0)  # the loop turns while the function blocks, or this line is never reached
    release.set()
    assert await task is True


async def test_hanging_functions_do_not_take_threads_from_others(run: Run) -> None:
    release = threading.Event()
    hanging = [asyncio.create_task(run(lambda: release.wait(10))) for _ in range(60)]
    await asyncio.sleep(0)
    assert await run(lambda: "still here") == "still here"
    release.set()
    assert await asyncio.gather(*hanging) == [True] * 60


async def test_context_variables_reach_the_thread(run: Run) -> None:
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")
    tenant.set("acme")
    assert await run(lambda: tenant.get()) == "acme"


async def test_context_is_handed_to_a_parameter_of_that_name(run: Run) -> None:
    def keyed(context: StepContext, n: int) -> list[Any]:
        return [context.idempotency_key, n]

    assert await run(keyed, args={"n": 1}) == ["exec-1:orders[3].charge:0", 1]


async def test_one_value_goes_to_the_first_parameter(run: Run) -> None:
    assert await run(lambda order: order, input={"id": 1}) == {"id": 1}
    assert await run(lambda order: order, input=None) is None


@pytest.mark.capability("F01")
@pytest.mark.parametrize(
    ("function", "given", "response"),
    [
        (lambda a, b=5: [a, b], {"a": 1, "z": 2}, [1, 5]),
        (lambda order: order, {"id": 1}, {"id": 1}),
        (lambda order: order, {"order": 1}, 1),
        (lambda text: text, "hello", "hello"),
        (lambda: "nothing asked", {"a": 1}, "nothing asked"),
        (lambda x=3: x, None, 3),
        (lambda x=3: x, {}, 3),
        (lambda x=3: x, 0, 0),
        (lambda order: order, {}, {}),
        (lambda a, **more: [a, more], {"a": 1, "b": 2}, [1, {"b": 2}]),
    ],
)
async def test_without_arguments_the_steps_input_is_given(run: Run, function: Any, given: Any, response: Any) -> None:
    assert await run(function, given) == response


async def test_every_wrong_argument_is_named(run: Run, functions: Functions) -> None:
    def charge(order_id: str, amount: float, currency: str = "EUR") -> None: ...

    functions.function(charge)
    with pytest.raises(StepError) as caught:
        await run("charge", args={"amount": "much", "curency": "USD"})
    assert str(caught.value) == (
        "function 'charge' cannot be called: argument 'order_id' is missing; "
        "argument 'amount': the value is not a number; "
        "there is no argument 'curency' (did you mean 'currency'?). It takes order_id, amount, currency."
    )
    assert (caught.value.code, caught.value.category, caught.value.retryable) == (
        "arguments_invalid",
        "validation",
        False,
    )


async def test_a_wrong_argument_that_is_secret_is_not_shown(run: Run, functions: Functions) -> None:
    """Arguments are plain where they are checked."""

    def charge(amount: float) -> None: ...

    functions.function(charge)
    with pytest.raises(StepError) as caught:
        await run("charge", args={"amount": Secret("hunter2")})
    assert "argument 'amount': the value is not a number" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_input_to_a_function_without_parameters_is_refused(run: Run) -> None:
    with pytest.raises(StepError, match="takes no arguments, and 'input' gives one"):
        await run(lambda: 1, input=5)


async def test_parameters_may_be_called_anything(run: Run) -> None:
    def odd(schema: int, copy: int, _id: int, model_config: int, /, *, json: int = 0, **more: int) -> list[Any]:
        return [schema, copy, _id, model_config, json, more]

    args = {"schema": 1, "copy": 2, "_id": 3, "model_config": 4, "json": 5, "extra": 6}
    assert await run(odd, args=args) == [1, 2, 3, 4, 5, {"extra": 6}]


async def test_partials_methods_and_callable_objects_work(run: Run) -> None:
    class Adder:
        def __init__(self, base: int) -> None:
            self.base = base

        async def __call__(self, n: int) -> int:
            return self.base + n

        def plus(self, n: int) -> int:
            return self.base + n

    assert await run(Adder(1), args={"n": "2"}) == 3
    assert await run(Adder(1).plus, args={"n": 4}) == 5
    assert await run(partial(Adder(1).plus, n=7)) == 8
    assert await run(lambda: Adder(1)(n=1)) == 2


@pytest.mark.capability("I25")
async def test_secrets_are_revealed_to_the_function(run: Run) -> None:
    assert await run(lambda key: len(key), args={"key": Secret("12345")}) == 5


async def test_what_is_no_json_is_the_functions_failure(run: Run, functions: Functions) -> None:
    functions.register("bad", lambda: {1, 2})
    with pytest.raises(StepError, match=r"^function 'bad': a value cannot be kept") as caught:
        await run("bad")
    assert caught.value.code == "result_not_json"


async def test_a_functions_own_error_comes_through(run: Run) -> None:
    def stop() -> None:
        raise StopIteration

    def fail() -> None:
        raise StepError("card declined", category="validation")

    with pytest.raises(StepError, match="card declined"):
        await run(fail)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await run(stop)


async def test_cancelling_the_step_leaves_the_thread_alone(run: Run) -> None:
    started, release = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        release.wait(10)

    task = asyncio.create_task(run(work))
    while not started.is_set():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()


async def test_an_unknown_function_is_named_with_the_nearest(run: Run, functions: Functions) -> None:
    functions.function(total)
    with pytest.raises(StepError) as caught:
        await run("totl")
    assert str(caught.value) == ("there is no function 'totl'. Did you mean 'total'?")
    with pytest.raises(ConflictError, match="function 'total' is registered twice"):
        functions.function(total)


async def test_names_import_nothing(run: Run, functions: Functions) -> None:
    with pytest.raises(StepError) as caught:
        await run("os:system", args={"command": "true"})
    assert str(caught.value) == (
        "module 'os' is not among those whose functions a definition may name. "
        "Allowed: none. See Functions.allow_module."
    )
    assert caught.value.code == "module_not_allowed"


async def test_of_an_allowed_module_only_its_own_public_functions_exist(run: Run, functions: Functions) -> None:
    shop = ModuleType("shop")
    exec("import os\nfrom os.path import join\ndef charge(n): return n\ndef _hidden(): ...\nclass C: ...", vars(shop))
    functions.allow_module(shop)
    assert await run("shop:charge", args={"n": 1}) == 1
    for name in ("shop:join", "shop:os", "shop:_hidden", "shop:C", "shop:__builtins__", "shop:charge.__globals__"):
        with pytest.raises(StepError) as caught:
            await run(name)
        assert caught.value.code == "function_unknown"


async def test_an_engine_without_functions_says_so(make_context: Make) -> None:
    with pytest.raises(NotFoundError, match="needs Functions"):
        await FunctionStep().run(make_context(), FunctionConfig(function="a"))


async def test_a_builtin_without_a_signature_is_told(run: Run) -> None:
    with pytest.raises(InputError, match="does not tell its parameters"):
        await run(max)


def test_args_and_input_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="give either 'args' or 'input'"):
        FunctionConfig(function="f", args={}, input=1)
