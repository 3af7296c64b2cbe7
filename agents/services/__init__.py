"""Services that are called over HTTP, by name."""
