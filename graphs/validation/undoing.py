"""What undoes, where nothing is ever undone."""

from graphs.loading.findings import Findings
from graphs.validation.outline import Outline
from graphs.validation.sites import Site


def check_undoing(outline: Outline, findings: Findings) -> None:
    """What cleans up or undoes is not undone itself: who says how would wait for it in vain."""
    for site in outline.sites:
        if site.role == "compensate" and (where := _where_nothing_is_undone(outline, site)) is not None:
            words = f"{where} is not undone, so this never runs"
            hint = "Remove it; what has to be undone stands under 'steps'."
            findings.add("compensate_never_runs", site.place, words, hint, severity="warning")


def _where_nothing_is_undone(outline: Outline, site: Site) -> str | None:
    around = site.owner
    while around is not None:
        if around.role == "compensate":
            return "what undoes"
        last, around = around, around.owner or around.level.around
        if around is None and last.level in (outline.compensation, outline.last):
            return f"what stands under '{last.level.key}'"
    return None
