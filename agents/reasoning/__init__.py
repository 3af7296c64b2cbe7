"""Agents: who acts, what has been said and done, what is done next; each call a step of its own."""
