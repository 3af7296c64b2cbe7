"""Twelve small services behind one loopback address, for the example workflows and for tests that count effects.

They are real where it matters to an orchestrator: HTTP over a socket, state in SQLite that survives a kill, keys that
make a repeated call harmless, refusals with reasons, and failures that can be switched on. Start them with
`python -m api.demo.services`, or from Python with `api.demo.services.process.running_services`.

Nothing is imported here: `python -m` imports this file first, and the services shall be up within a second.
"""
