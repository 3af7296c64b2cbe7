"""What a workflow or a step is given and gives, checked against its JSON Schema (D10, D11, D12).

    check_input(schema, value)    the value with the schema's defaults filled in, or everything wrong with it
    check_output(schema, value)   the same for what comes out
    secret_paths(schema)          which parts of it must never be seen
    schema_faults(schema)         what keeps a schema from being used; asked when a definition is published

Messages are for people: `input.email: 'x' is not an e-mail address`. Secret values are never part of them.
"""

from graphs.inputs.check import check_input, check_output
from graphs.inputs.patterns import Pattern, PatternError
from graphs.inputs.schemas import SchemaFault, schema_faults
from graphs.inputs.secrets import secret_paths

__all__ = [
    "Pattern",
    "PatternError",
    "SchemaFault",
    "check_input",
    "check_output",
    "schema_faults",
    "secret_paths",
]
