"""What agents and steps call in this process or over MCP: functions and tools."""
