"""What the gateway keeps for clients: assistants, threads, runs, items, crons.

values          what is kept
table           rows to values and back
assistants, threads, runs, items, crons, conversations, webhooks     one chapter of the store each
putting         a new run, and what becomes of those before it
following       the assistants of workflows, whose versions are the published ones
remembering     what threads remember of how their runs were configured
standing        threads as they stand when they are looked for
"""
