"""Approvals: who may decide what, and what counts as a decision.

values    an approval with what people have done about it so far; who acts
rules     pure: claim, release, hand on, comment, decide
links     links for mail and chat that decide once
inbox     `Inbox`: the open approvals, and acting on them
"""
