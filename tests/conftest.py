"""For all tests: hypothesis looks for wrong results, not for slow machines."""

from hypothesis import settings

settings.register_profile("mentee", deadline=None)
settings.load_profile("mentee")
