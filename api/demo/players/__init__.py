"""The players: what agents can do, each thing shown by a small workflow of `graphs/library/agents`, told in one line.

tools, scripts, timetable    what the examples need: tools, what their scripted models say, an MCP server
company                      an engine with one kind of models, and what its records say
piece                        one thing that is shown, and how it is judged
tooling, lasting, inside, thinking    the pieces
opening, show                the companies are brought together, and all pieces played with each
"""
