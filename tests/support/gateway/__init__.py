"""Helpers for tests of the gateway: a real one on loopback, in this process or in one of its own."""
