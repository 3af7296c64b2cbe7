"""Ports between the graph and whoever keeps executions alive: the graph asks, the orchestrator's room answers."""

from graphs.host.facts import Facts, Recording
from graphs.host.host import Host
from graphs.host.running import Graph, run_graph

__all__ = ["Facts", "Graph", "Host", "Recording", "run_graph"]
