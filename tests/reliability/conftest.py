"""For all of them: on which store."""

import pytest

from tests.reliability.stores import STORES, Store


@pytest.fixture(params=STORES, ids=lambda store: store.name, scope="session")
def store(request: pytest.FixtureRequest) -> Store:
    """Each store in turn."""
    given: Store = request.param
    return given
