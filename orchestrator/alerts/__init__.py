"""Alerts (E24): people are told of what they should know of, wherever they look.

port      what is told, and where to
sinks     the log, a file
webhook   a signed message to an address (slow to import: loaded when it is wanted)
opening   from settings to sinks
telling   up to which alert each sink has been told; nothing is lost when it cannot be reached
"""
