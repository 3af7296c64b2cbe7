"""What every store must do with definitions and the versions of workflows."""

import pytest

from graphs.errors import ConflictError, NotFoundError
from orchestrator.store.port import PublishedWorkflow, Store
from tests.unit.store.support import START


def version(number: str, digest: str, name: str = "orders") -> PublishedWorkflow:
    return PublishedWorkflow(
        name=name,
        version=number,
        digest=digest,
        status="published",
        document={"metadata": {"name": name, "tags": ["a"]}},
        created_at=START,
        created_by="anna",
    )


@pytest.mark.capability("C09", "C10", "C14")
async def test_versions_stand_side_by_side_and_the_newest_is_given(store: Store) -> None:
    first = await store.publish(version("1.0.0", "d1"))
    second = await store.publish(version("1.1.0", "d2"))
    assert await store.published("orders") == second
    assert await store.published("orders", "1.0.0") == first
    assert first.document["metadata"]["tags"] == ["a"] and first.created_by == "anna"
    assert await store.published("returns") is None
    assert await store.definition("d1") == first.document


@pytest.mark.capability("C10")
async def test_a_deprecated_version_is_passed_over_until_all_are(store: Store) -> None:
    await store.publish(version("1.0.0", "d1"))
    await store.publish(version("1.1.0", "d2"))
    assert (await store.deprecate("orders", "1.1.0")).status == "deprecated"
    newest = await store.published("orders")
    assert newest and newest.version == "1.0.0"
    await store.deprecate("orders", "1.0.0")
    newest = await store.published("orders")
    assert newest and newest.version == "1.1.0"
    assert (await store.deprecate("orders", "1.1.0", deprecated=False)).status == "published"
    assert [(each.name, each.version) for each in await store.catalogue("orders")] == [
        ("orders", "1.1.0"),
        ("orders", "1.0.0"),
    ]


async def test_a_published_version_never_changes(store: Store) -> None:
    first = await store.publish(version("1.0.0", "d1"))
    assert await store.publish(version("1.0.0", "d1")) == first
    with pytest.raises(ConflictError) as caught:
        await store.publish(version("1.0.0", "d2"))
    assert str(caught.value) == (
        "orders@1.0.0 is published already, with another definition (digest d1). "
        "Published versions never change: give this one a new version."
    )
    assert caught.value.code == "version_taken"


async def test_deprecating_what_is_not_there(store: Store) -> None:
    with pytest.raises(NotFoundError, match=r"There is no published workflow orders@9\."):
        await store.deprecate("orders", "9")


async def test_a_definition_is_kept_once(store: Store) -> None:
    await store.keep_definition("d1", {"a": 1})
    await store.keep_definition("d1", {"a": 2})
    assert await store.definition("d1") == {"a": 1}
    assert await store.definition("d2") is None
