"""The chapters of a drive, which `orchestrator.drive` joins: what the nodes ask of it, and what its engine does."""
