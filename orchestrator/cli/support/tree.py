"""A story as a tree on the terminal."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.text import Text
from rich.tree import Tree

from graphs.planner import COMPANION
from graphs.state import FINALLY
from graphs.undo import COMPENSATION
from orchestrator.cli.support.nodes import Node
from orchestrator.cli.support.story import Story
from orchestrator.cli.support.terminal import SIGNS, one_line, seconds_between, seconds_text, time_text

_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_URGENT: Final = ("failed", "timed_out", "running", "retrying", "waiting", "cancelled")
_MANY: Final = 25
"""Nodes of one level that are shown; of more, the urgent ones and a count of the others."""

_LONG: Final = 0.01
"""Seconds in a queue that somebody might wonder about."""


def story_tree(story: Story, now: datetime, *, title: Text, live: bool = False, room: int | None = None) -> Tree:
    """The steps as they stand.

    Args:
        now: For durations of what is at work, and for the spinner.
        live: Whether what is at work spins.
        room: Lines there are; levels are folded until it fits.
    """
    most = _MANY
    while True:
        tree = Tree(title, guide_style="dim")
        lines = 1 + _add(tree, _visible(story.root), now, live, most)
        if room is None or lines <= room or most <= 1:
            return tree
        most = most // 2


def _add(tree: Tree, nodes: Sequence[Node], now: datetime, live: bool, most: int) -> int:
    shown = nodes if len(nodes) <= most else [node for node in nodes if node.shown_status in _URGENT][:most]
    lines = len(shown)
    for node in shown:
        branch = tree.add(node_text(node, now, live=live))
        lines += _add(branch, _visible(node), now, live, most)
    if len(shown) < len(nodes):
        tree.add(_rest(nodes, shown))
        lines += 1
    return lines


def _visible(node: Node) -> list[Node]:
    """The nodes below: all but fallbacks that were not needed."""
    return [
        child
        for child in node.children.values()
        if not (child.companion and child.shown_status in ("pending", "skipped"))
    ]


def _rest(nodes: Sequence[Node], shown: Sequence[Node]) -> Text:
    seen = {node.path for node in shown}
    counts = Counter(node.shown_status for node in nodes if node.path not in seen)
    words = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.most_common())
    return Text(f"{len(nodes) - len(shown)} more: {words}" if shown else words, "dim")


def node_text(node: Node, now: datetime, *, live: bool = False) -> Text:
    """A step in one line: sign, name, type, status, duration, attempts, and what is to be said of it."""
    status = node.shown_status
    sign, style = SIGNS.get(status, ("?", "default"))
    if live and status == "running":
        sign = _SPINNER[int(now.timestamp() * 10) % len(_SPINNER)]
    text = Text.assemble((f"{sign} ", style), label(node))
    if node.type:
        text.append(f" {node.type}", "dim")
    if status not in ("completed", "pending") or not node.type:
        text.append(f"  {status.replace('_', ' ')}", style)
    if node.started_at is not None and status not in ("pending", "skipped"):
        text.append(f"  {seconds_text(seconds_between(node.started_at, node.ended_at or now))}", "dim")
    if node.queued >= _LONG:
        text.append(f"  queued {seconds_text(node.queued)}", "dim")
    if node.attempts > 1:
        text.append(f"  {node.attempts} attempts" if node.settled else f"  attempt {node.attempts}", "yellow")
    if node.again_at is not None:
        text.append(f"  again at {time_text(node.again_at, now)}", "yellow")
    return text.append_text(_remark(node))


def label(node: Node) -> str:
    """A node's name as people read it."""
    return {COMPANION: "fallback", COMPENSATION: "compensation", FINALLY: "finally"}.get(node.name, node.name)


def _remark(node: Node) -> Text:
    if node.question is not None:
        return Text(f"  {one_line(_asked(node), 80)}", "yellow")
    if node.error and node.status != "completed":
        return Text(f"  {one_line(str(node.error.get('message', '')), 120)}", "red")
    if node.progress is not None and not node.settled:
        return Text(f"  {one_line(node.progress, 60)}", "dim")
    return Text(f"  {one_line(node.detail, 100)}" if node.detail else "", "dim")


def _asked(node: Node) -> str:
    question = node.question or {}
    return str(question.get("message") or question.get("event_type") or f"until {question.get('until', '')}")
