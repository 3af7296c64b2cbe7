"""A piece: one thing agents can do, shown by small workflows, and told in one line from what was kept of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from api.demo.players.company import Company, Seen


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of a piece.

    Attributes:
        text: What happened, in one line.
        seen: The executions it was read from.
        expected: What must be so, whoever speaks.
        of_scripts: What must be so besides where scripts speak: a real model need not make the mistakes they make.
        shown: False for what could not be shown here; the text says why.
    """

    text: str
    seen: Sequence[Seen] = ()
    expected: dict[str, bool] = field(default_factory=dict)
    of_scripts: dict[str, bool] = field(default_factory=dict)
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing agents can do.

    Attributes:
        title: What it is, in a few words.
        play: Shows it with one kind of models.
        alone: It kills the engine, so the others begin after it.
    """

    title: str
    play: Callable[[Company], Awaitable[Shown]]
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """A piece as it went.

    Attributes:
        calls: How many calls of models were made for it.
        wrong: What was expected, and was not so.
    """

    title: str
    text: str
    calls: int
    wrong: tuple[str, ...]
    shown: bool


async def verdict(piece: Piece, company: Company) -> Verdict:
    """Play a piece and judge it. One that does not get through is wrong, and stops none of the others."""
    try:
        shown = await piece.play(company)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown where it happened
        why = f"{type(error).__name__}: {error}" if str(error) else "it took too long"
        return Verdict(piece.title, "did not get through", 0, (why,), shown=True)
    expected = shown.expected | ({} if company.voice.real else shown.of_scripts)
    calls = [call for seen in shown.seen for call in seen.calls]
    models = {str(call.data["model"]) for call in calls}
    others = sorted(model for model in models if model != company.voice.model(model.partition(":")[2]))
    wrong = [what for what, so in expected.items() if not so] + [
        f"nobody else speaks than {company.name}: {others}"
    ] * bool(others)
    return Verdict(piece.title, shown.text, len(calls), tuple(wrong), shown.shown)
