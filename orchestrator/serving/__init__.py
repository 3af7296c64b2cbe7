"""Graphs on threads, for clients: users' own graphs and our workflows behind one face.

desk            `Desk`: what the gateway asks for; threads, runs, assistants
served          what a graph must offer to be served; `graphs` are users' own, `workflows` are ours
config          langgraph.json
streams         what a run says, for whoever listens
encoding        any value of a graph as JSON
"""
