"""What the gateway keeps for clients: assistants, threads, runs, items, crons.

values          what is kept
table           rows to values and back
assistants, threads, runs, items, crons     one chapter of the store each
"""
