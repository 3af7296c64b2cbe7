"""Going back: retry, fork, redrive, replay, and two executions side by side.

redo            retry and fork: what is judged before, and what is done; `redriving` is the same from a dead letter
anew, undone    what is made anew from a step on; what was undone, and so is to happen again
ownership       whose an effect is, and so who undoes it; `side_effects` are those that would happen again
edits, other_agents    what is otherwise than before: input, model, agent
recorded        what a replay is served
comparing       two executions side by side
"""
