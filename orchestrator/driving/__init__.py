"""Drives: an execution carried as far as it goes, and who takes executions up.

driver          the driving side of an engine: `carrier` carries each execution, `seats` says how many at once,
                `signals` hears other processes, `dues` and `reminders` watch the time
drive           one drive, the `Host` of the graph's nodes; its chapters are base, steps, waits, stopping, resting,
                leaving, ending, each on the one before
taken, works    what a drive is given; what all drives share
aftermath       what an end leaves for people
mishaps, poison, suspects       what could not be carried on, and executions over which processes die
together, working_time, wall, heap    questions with one answer, what a timeout counts, clocks, the collector
"""
