"""Going back: retry, fork, redrive, replay, and two executions side by side."""
