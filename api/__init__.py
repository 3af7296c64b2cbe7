"""The box office: HTTP. It parses, asks who may, calls the orchestrator, answers.

command, serve, app, gateway     from `baton serve` to a running application, and what every route is given
wire         the paths of langgraph-sdk, at the root
v1           Baton's own paths
chat, mcp    the paths of OpenAI's chat clients, and of MCP clients
security     who asks, and what they may
errors       the one table from errors to statuses; `error_codes` lists what there is
demo         the demo: services, people and models to try Baton on, a user of it like any other
"""
