"""What the gateway keeps for clients: assistants, threads, runs, items, crons.

values          what is kept
table           rows to values and back
assistants, threads, runs, items, crons     one chapter of the store each
following       the assistants of workflows, whose versions are the published ones
standing        threads as they stand when they are looked for
"""
