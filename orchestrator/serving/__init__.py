"""Graphs on threads, for clients: users' own graphs and our workflows behind one face.

What is asked
    desk            `Desk`: what the gateway asks for; `opening` opens it on an engine
    threads, assistants, crons, items     its other counters
    admission, consent, wanted, intake    a wish: judged, by the team's own code too, turned into a run, taken on
    front           which question an answer belongs to that does not say so
    sweeping, bell  what has had its time

What is served
    served          what a graph must offer; `shelf` has all there are, by name
    graphs          users' own graphs; `config` finds them (langgraph.json), `loading` makes them, `asked` reads a wish
    workflows       ours: `carrying` carries a run out, `answers` is between our approvals and LangGraph's interrupts,
                    `ledger` and `messages` are an execution as states and as a conversation, `drawing` and `described`
                    say what it is, `secrets` keeps what is secret out of what is kept of a wish
    conversations   the agent that chats; `conversing` is its graph

What is said
    streams         what a run says, for whoever listens; `outcomes` is how it ended
    speech          what a running graph emits; `follow`, `voices`, `speaking` are the same for executions
    events, blocks  the agent protocol: what happens on a thread, run after run
    snapshots, encoding, wording    states, values and last words in the shape clients read
    addressed       how much of that somebody sees who decides and may not read
"""
