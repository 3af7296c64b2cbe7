"""Workflows as people name them: `NAME`, or `NAME@VERSION`."""

from graphs.errors import ConflictError, InputError
from orchestrator.cli.support.terminal import note
from orchestrator.engine import Orchestrator
from orchestrator.store.port import PublishedWorkflow


def read_name(named: str, version: str | None = None) -> tuple[str, str | None]:
    """Name and version, which may also be given beside the name.

    Raises:
        InputError: a part of it is missing, or two versions are given.
    """
    name, at, own = named.partition("@")
    if not name or (at and not own):
        raise InputError(f"'{named}' names no workflow.", hint="Write NAME, or NAME@VERSION.", code="name_invalid")
    if own and version not in (None, own):
        raise InputError(
            f"'{named}' is version {own}, and {version} is asked for.",
            hint="Give the version once.",
            code="version_twice",
        )
    return name, own or version


async def only_version(baton: Orchestrator, name: str, tenant: str, *, deprecated: bool) -> str:
    """The version that is meant where none is named: the only one that stands so.

    Raises:
        NotFoundError: none of that name is published.
        ConflictError: there are several, or none.
    """
    await baton.catalogue.published(name, tenant=tenant)
    versions = await baton.catalogue.list(name, tenant=tenant)
    standing = [one.version for one in versions if (one.status == "deprecated") == deprecated]
    if len(standing) == 1:
        return standing[0]
    how = "deprecated" if deprecated else "offered"
    if not standing:
        raise ConflictError(f"No version of '{name}' is {how}.", hint="See baton workflows.", code="version_unclear")
    raise ConflictError(
        f"Several versions of '{name}' are {how}: {', '.join(standing)}.",
        hint=f"Say which: {name}@{standing[0]}.",
        code="version_unclear",
    )


async def note_deprecated(baton: Orchestrator, name: str, version: str, tenant: str) -> None:
    """Tell whoever starts a version that is deprecated, and what is offered in its place."""
    kept = {one.version: one for one in await baton.catalogue.list(name, tenant=tenant)}
    if version in kept and kept[version].status == "deprecated":
        note(f"{name}@{version} is deprecated. {said_instead(await baton.catalogue.offered(name, tenant=tenant))}")


def said_instead(offered: PublishedWorkflow | None) -> str:
    """What is started by name alone, as a sentence."""
    if offered is None:
        return "No other version is offered, so it is still what the name alone starts."
    return f"In its place {offered.name}@{offered.version} is offered."
