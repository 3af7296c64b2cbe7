"""For all tests: properties are judged by what they find, not by how busy the machine is."""

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
# Here, because a profile named on the command line must be known before tests are collected.
settings.register_profile("long", max_examples=5000, deadline=None, report_multiple_bugs=False)
