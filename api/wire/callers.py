"""What the routes of this wire format need, and whoever asks as the desk knows them."""

from api.gateway import Gateway
from api.security import Principal, Right, needs
from api.security.custom import starts_runs
from api.wire.answering import is_answer, is_response
from orchestrator.approvals.values import Person
from orchestrator.serving.addressed import Addressed
from orchestrator.serving.served import Caller

READS = [needs(Right.READ)]
LOOKS = [needs(Right.READ, narrowed=[Right.DECIDE])]
"""What reviewers need to find what asks them: without the right to read they see that, and no more (`addressed`)."""
RUNS = [needs(Right.RUN)]
STARTS = [needs(Right.RUN, is_answer), starts_runs()]
COMMANDING = [needs(Right.RUN, is_response), starts_runs()]
REDRIVES = [needs(Right.REDRIVE)]
EDITS = [needs(Right.EDIT)]


def addressed(at: Gateway, who: Principal) -> Addressed | None:
    """What somebody sees who may not read; None of whoever may."""
    if who.reads:
        return None
    return Addressed(at.orchestrator, at.desk, who.tenant, Person(who.name, who.groups))


def caller_of(who: Principal) -> Caller:
    """Whoever asks. To answer an approval takes the right to decide, and where a run does more than that, the right to
    run; to go back in an execution, the right to redrive."""
    return Caller(
        person=Person(who.name, who.groups),
        tenant=who.tenant,
        reads=who.reads,
        runs=Right.RUN in who.rights,
        decides=Right.DECIDE in who.rights,
        redrives=Right.REDRIVE in who.rights,
        consent=who.consent,
    )
