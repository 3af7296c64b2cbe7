"""Example workflows to run and to copy: one YAML file each, named after the workflow in it. Small ones that show what
agents can do, one thing each, are in `agents/`."""

from difflib import get_close_matches
from pathlib import Path

from graphs.errors import NotFoundError

_FOLDER = Path(__file__).parent


def example_names() -> tuple[str, ...]:
    """The names of all examples, sorted without regard to case."""
    return tuple(sorted((path.stem for path in _FOLDER.glob("*.yaml")), key=str.lower))


def agent_example_names() -> tuple[str, ...]:
    """The names of the small examples of what agents can do; some are agents themselves (`kind: Agent`)."""
    return tuple(sorted(path.stem for path in (_FOLDER / "agents").glob("*.yaml")))


def example_path(name: str) -> Path:
    """The file that holds an example.

    Raises:
        NotFoundError: there is none of that name.
    """
    names = example_names()
    # Looked up in the list and not in the folder: a name is never part of a path that somebody made up.
    if name in names:
        return _FOLDER / f"{name}.yaml"
    if name in agent_example_names():
        return _FOLDER / "agents" / f"{name}.yaml"
    near = get_close_matches(name, names, n=1)
    raise NotFoundError(
        f"There is no example '{name}'.",
        hint=f"Did you mean '{near[0]}'?" if near else f"Examples: {', '.join(names)}.",
        code="example_unknown",
    )
