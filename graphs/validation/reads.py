"""What expressions read of steps and variables: it exists, and it is there by the time it is read."""

from graphs.expressions import Reference
from graphs.loading.findings import Findings, Severity
from graphs.loading.names import listing, nearest
from graphs.validation.fields import Field
from graphs.validation.outline import Outline
from graphs.validation.said import Said
from graphs.validation.sites import Level, Site
from graphs.validation.variables import Variables


class Reads:
    """Judges references to steps and variables."""

    def __init__(self, outline: Outline, findings: Findings) -> None:
        self._outline = outline
        self._findings = findings
        self._variables = Variables(outline)

    def check(self, reference: Reference, field: Field, said: Said) -> None:
        """Judge one reference."""
        name = reference.path[0] if reference.path else None
        if not isinstance(name, str):
            return  # computed, or all of them: known only when it runs
        if reference.root == "steps":
            self._step(name, reference, field, said)
        elif reference.root == "vars" and not self._variables.known(name, field.view, field.site):
            self._variable(name, reference, field, said)

    def _step(self, name: str, reference: Reference, field: Field, said: Said) -> None:
        found = field.view.find(name)
        if found is not None:
            if field.first_round and not reference.guarded and self._is_inside(found, field.site):
                self._not_in_first_round(name, reference, said)
            return
        hidden = field.view.hidden(name)
        if hidden is not None:
            self._too_early(name, hidden, reference, field, said)
        elif self._outline.may_be_unread(name):
            return
        elif (elsewhere := self._outline.anywhere(name)) is not None:
            self._out_of_reach(name, elsewhere, reference, said)
        else:
            self._unknown(name, reference, field, said)

    def _is_inside(self, found: Site, site: Site | None) -> bool:
        return site is not None and found.level in site.inner

    def _not_in_first_round(self, name: str, reference: Reference, said: Said) -> None:
        words = f"'{name}' has not run yet when this is asked for the first time"
        hint = "Use 'until', which is asked after each iteration, or give a |default(…)."
        said.add(self._findings, "not_run_yet", words, hint, reference, severity="warning")

    def _too_early(self, name: str, hidden: Site, reference: Reference, field: Field, said: Said) -> None:
        waiter = _in_level(field.site, hidden.level)
        if waiter is None or waiter is hidden:
            words, code = f"'{name}' is read before it has ended", "reads_itself"
            hint = "In 'output' its answer is called 'response', in 'variables' its output is called 'output'."
        elif hidden.level.runs_before(waiter, hidden):
            words, code = f"'{name}' runs only after '{waiter.name}'", "not_an_ancestor"
            hint = "Read a step that runs before."
        else:
            words, code = f"'{name}' need not have run before '{waiter.name}'", "not_an_ancestor"
            hint = f"Add '{name}' to 'depends_on' of step '{waiter.name}'."
        said.add(self._findings, code, words, hint, reference)

    def _out_of_reach(self, name: str, elsewhere: Site, reference: Reference, said: Said) -> None:
        owner = elsewhere.owner.name if elsewhere.owner is not None else ""
        if elsewhere.role == "fallback":
            words = f"'{name}' is the fallback of '{owner}', and is not read by its own name"
            hint = f"Read 'steps.{owner}': there its result stands for the failed one."
        elif elsewhere.role == "compensate":
            words = f"'{name}' compensates '{owner}', and cannot be read from here"
            hint = "Compensation runs when all else is over."
        elif elsewhere.level.around is not None:
            words = f"'{name}' is inside step '{elsewhere.level.around.name}', and cannot be read from here"
            hint = f"Read what that one gives: 'steps.{elsewhere.level.around.name}.output'."
        elif elsewhere.level.key == "finally":
            words = f"'{name}' is a 'finally' step, and cannot be read from here"
            hint = "These run when all else is over."
        else:
            words = f"'{name}' belongs to the compensation, and cannot be read from here"
            hint = "Compensation runs when all else is over."
        said.add(self._findings, "step_out_of_reach", words, hint, reference)

    def _unknown(self, name: str, reference: Reference, field: Field, said: Said) -> None:
        names = [site.name for site in field.view.sites()]
        near = nearest(name, names) or nearest(name, (site.name for site in self._outline.sites))
        if near is not None and "-" in near:
            hint = f"Did you mean steps['{near}']? Names with '-' stand in brackets."
        else:
            hint = f"Did you mean '{near}'?" if near else listing(names, "Steps that can be read here")
        said.add(self._findings, "unknown_step", f"there is no step '{name}'.", hint, reference)

    def _variable(self, name: str, reference: Reference, field: Field, said: Said) -> None:
        writer = self._variables.writer(name)
        if writer is not None:
            words = f"the variable '{name}' is set by step '{writer.name}', which need not have run before"
            hint = f"Wait for it with 'depends_on', or give '{name}' a first value in 'spec.variables'."
            code = "variable_not_yet_set"
        else:
            known = list(self._variables.names(field.view, field.site))
            near = nearest(name, known)
            words, code = f"there is no variable '{name}'.", "unknown_variable"
            given = "Declare it in 'spec.variables', also when it is given at the start."
            hint = f"Did you mean '{near}'?" if near else f"{listing(known, 'Variables here')} {given}"
        severity: Severity = "warning" if reference.guarded else "error"
        said.add(self._findings, code, words, hint, reference, severity=severity)


def _in_level(site: Site | None, level: Level) -> Site | None:
    """The step itself, or the one around it or behind it, that stands in the given list."""
    while site is not None and (site.level is not level or site.owner is not None):
        site = site.owner or site.level.around
    return site
