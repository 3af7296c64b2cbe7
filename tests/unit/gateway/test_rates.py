"""Rates: who asks too often waits; others do not."""

import pytest

from api.errors import status_of
from api.security.principal import Principal
from api.security.rates import Rates, TooManyError
from api.settings import GatewaySettings
from graphs.clock import ManualClock


def rates(**settings: float) -> tuple[Rates, ManualClock]:
    clock = ManualClock()
    return Rates(GatewaySettings(**{"key_rate": 0, "tenant_rate": 0, **settings}), clock), clock  # type: ignore[arg-type]


def somebody(key: str = "k", tenant: str = "acme") -> Principal:
    return Principal(name=key, tenant=tenant, source=f"key:{key}")


def test_a_key_that_asks_too_often_is_told_when_to_come_again() -> None:
    counted, clock = rates(key_rate=10)
    for _ in range(20):
        counted.count(somebody())
    with pytest.raises(TooManyError, match=r"'k' asks more often than 10 times a second\.") as caught:
        counted.count(somebody())
    assert status_of(caught.value) == 429
    assert caught.value.details["retry_after"] == 0.1
    clock.advance(0.1)
    counted.count(somebody())
    with pytest.raises(TooManyError):
        counted.count(somebody())


def test_one_tenants_haste_is_nobody_elses() -> None:
    counted, _ = rates(tenant_rate=1)
    for key in ("a", "b"):
        counted.count(somebody(key))
    with pytest.raises(TooManyError, match="Tenant 'acme' asks"):
        counted.count(somebody("c"))
    counted.count(somebody("a", tenant="other"))


def test_an_open_gateway_does_not_count() -> None:
    counted, _ = rates(key_rate=1, tenant_rate=1)
    for _ in range(100):
        counted.count(Principal())


def test_whoever_guesses_is_slowed_down_by_address() -> None:
    counted, _ = rates(stranger_rate=1)
    for _ in range(2):
        counted.refused("10.0.0.1")
    with pytest.raises(TooManyError):
        counted.refused("10.0.0.1")
    counted.refused("10.0.0.2")


def test_so_many_requests_may_be_under_way_and_each_end_makes_room() -> None:
    counted, _ = rates(max_open=2)
    with counted.under_way(somebody()):
        with counted.under_way(somebody()):
            with (
                pytest.raises(TooManyError, match="has 2 requests and streams under way"),
                counted.under_way(somebody()),
            ):
                pass
            with counted.under_way(somebody(tenant="other")):
                pass
        with counted.under_way(somebody()):
            pass
    assert counted._open == {}
