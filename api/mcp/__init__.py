"""`/mcp`: published workflows as tools of the Model Context Protocol, through its official SDK (streamable HTTP).

route       the path, behind the same guard as all others
starting    the SDK, loaded with the first request: it takes a second and a half to import
server      between the SDK and us; the only module that knows the SDK
tools       what is offered, and what a call does
"""
