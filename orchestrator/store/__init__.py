"""Where executions are kept.

port, values    what is asked of a store, and what it gives
sqlite          `SqliteStore`: the port on one file, by chapters; each has a module of its own here (waits, events,
                records …), and those of the gateway's clients in `served`
chapter         what the chapters share; `*_rows` and `rows` are values as columns
writer          the one thread that writes, in groups; `units` is what it is given, `commits` the hottest of it
reader          reading, beside it; `results`, `early`, `matching`, `below` are what is looked for
saver           LangGraph's checkpointer on the same file, of reading_saver, checkpoints, plans and serializer
connect, schema, migrations, locking, room, backup    the file itself
cipher          secret inputs at rest
lookup          published workflows without an engine
"""
