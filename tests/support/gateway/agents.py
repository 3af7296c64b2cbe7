"""Definitions of agents for tests of the gateway."""

from pathlib import Path

TALKERS = str(Path(__file__).parent / "app" / "talkers.py")

CLERK = """
apiVersion: workflow/v1
kind: Agent
metadata: {name: clerk, version: "1.0", description: Answers customers}
spec:
  model: scripted:clerk
  tools: [find_order, refund]
"""
