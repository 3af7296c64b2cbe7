"""Helpers for tests of the engine: step types with visible effects, engines on a file, crashes, random workflows."""
