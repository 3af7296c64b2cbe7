"""Runs in order: which begins when. `port` is what is asked of a queue; `local` is the one inside this process."""
