"""`baton schema`: the JSON Schema of definitions."""

from graphs.schema import definition_schema
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import print_json
from orchestrator.plugins import installed_step_types


def schema(shared: Shared) -> int:
    """See `orchestrator.cli.declared.defining`. It is JSON with and without `--json`."""
    print_json(definition_schema(installed_step_types(Setting(shared).settings.plugins)))
    return Exit.COMPLETED
