"""Drives: an execution carried as far as it goes (`drive`), by chapters, and who takes executions up (`driver`)."""
