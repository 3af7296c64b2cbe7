"""What the orchestrator learns from the past, and how it answers requests that name no workflow."""
